import { randomUUID } from 'node:crypto'

export interface Request {
  session_id: string
  [field: string]: unknown
}

/** A request envelope as the daemon writes it. */
export function request(data: Record<string, unknown>, envelope: Record<string, unknown> = {}): Request {
  return {
    session_id: randomUUID(),
    conversation_id: null,
    message_id: null,
    app_id: null,
    endpoint_id: null,
    context: null,
    event: 'request',
    data: { user_id: 'u-7', ...data },
    ...envelope,
  }
}

export function invokeTool(
  tool: string,
  tool_parameters: object | null,
  more: Record<string, unknown> = {},
): Request {
  const call = { type: 'tool', action: 'invoke_tool', provider: 'fixture', tool, tool_parameters }
  return request({ ...call, credentials: { api_key: 'right' }, credential_type: 'api-key', ...more })
}

export function validateCredentials(credentials: object | null): Request {
  return request({ type: 'tool', action: 'validate_tool_credentials', provider: 'fixture', credentials })
}

export function fetchOptions(tool: string, parameter: string): Request {
  const call = { provider: 'fixture', provider_action: tool, parameter, credentials: null }
  return request({ type: 'dynamic_parameter', action: 'fetch_parameter_options', ...call })
}
