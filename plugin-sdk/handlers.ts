import type { z } from 'zod'
import type { BackwardsCalls } from './backwards/calls.ts'
import { createModels } from './backwards/models.ts'
import { createStorage } from './backwards/storage.ts'
import type { I18n, ProviderDeclaration, ToolDeclaration } from './declarations/index.ts'
import { describe, InvalidMessageError, InvalidRequestError } from './errors.ts'
import { assertToolMessage } from './messages.ts'
import { fillParameters } from './parameters.ts'
import {
  explain,
  FetchOptionsRequest,
  InvokeToolRequest,
  type RequestEnvelope,
  RuntimeParametersRequest,
  ValidateCredentialsRequest,
} from './protocol.ts'
import {
  isToolClass,
  type ParameterOption,
  type Tool,
  type ToolClass,
  type ToolContext,
  type ToolFunction,
  type ToolProviderClass,
} from './tool.ts'

/** The declared provider and the code behind it. */
export interface PluginCode {
  declaration: ProviderDeclaration
  provider: ToolProviderClass
  tools: ReadonlyMap<string, { declaration: ToolDeclaration; code: ToolClass | ToolFunction }>
}

/** Answers one request with the chunks of its session. The call or the iteration throws on failure. */
export type Handler = (request: RequestEnvelope, live: LiveCall) => AsyncIterable<object>

/** What a handler gets of its session. */
export interface LiveCall {
  /** Aborted when the answer can no longer be delivered. */
  signal: AbortSignal
  backwards: Pick<BackwardsCalls, 'call'>
}

/** The handlers by `type` and `action`. */
export type Handlers = Readonly<Record<string, Readonly<Record<string, Handler>>>>

export function createHandlers(plugin: PluginCode): Handlers {
  return {
    tool: {
      invoke_tool: (request, live) => invokeTool(plugin, request, live),
      validate_tool_credentials: (request, live) => validateCredentials(plugin, request, live),
      get_tool_runtime_parameters: (request, live) => runtimeParameters(plugin, request, live),
    },
    dynamic_parameter: {
      fetch_parameter_options: (request, live) => parameterOptions(plugin, request, live),
    },
  }
}

async function* invokeTool(plugin: PluginCode, request: RequestEnvelope, live: LiveCall) {
  const data = read(InvokeToolRequest, request)
  const { declaration, code } = findTool(plugin, data.provider, data.tool, 'tool')
  const context = createContext(request, live, data.credentials, data.credential_type)
  const lenient = isToolClass(code) && code.lenientParameters
  const parameters = fillParameters(declaration.parameters, data.tool_parameters, { lenient })
  const output = isToolClass(code) ? new code(context).invoke(parameters, context) : code(parameters, context)
  if (typeof output?.[Symbol.asyncIterator] !== 'function') {
    throw new InvalidMessageError(
      `Tool ${data.tool}: expected invoke to be an async generator (async *invoke), got ${describe(output)}`,
    )
  }
  for await (const message of output) {
    assertToolMessage(message)
    yield message
  }
}

async function* validateCredentials(plugin: PluginCode, request: RequestEnvelope, live: LiveCall) {
  const data = read(ValidateCredentialsRequest, request)
  checkProvider(plugin, data.provider)
  const context = createContext(request, live, data.credentials, null)
  await new plugin.provider().validateCredentials(context.runtime.credentials, context)
  yield { result: true }
}

async function* runtimeParameters(plugin: PluginCode, request: RequestEnvelope, live: LiveCall) {
  const data = read(RuntimeParametersRequest, request)
  const context = createContext(request, live, data.credentials, null)
  const tool = instantiate(plugin, data.provider, data.tool, 'tool', context)
  if (!tool?.getRuntimeParameters) {
    throw new InvalidRequestError(`Tool ${data.tool} has no runtime parameters (getRuntimeParameters)`)
  }
  yield { parameters: await tool.getRuntimeParameters(context) }
}

async function* parameterOptions(plugin: PluginCode, request: RequestEnvelope, live: LiveCall) {
  const data = read(FetchOptionsRequest, request)
  const context = createContext(request, live, data.credentials, data.credential_type)
  const tool = instantiate(plugin, data.provider, data.provider_action, 'provider_action', context)
  if (!tool?.fetchParameterOptions) {
    throw new InvalidRequestError(`Tool ${data.provider_action} has no options (fetchParameterOptions)`)
  }
  const options = await tool.fetchParameterOptions(data.parameter, context)
  yield { options: options.map((option) => wireOption(option, data.parameter)) }
}

/** The API rejects all options if one has no text value or no English label. */
function wireOption(option: ParameterOption, parameter: string): object {
  const label: I18n = typeof option.label === 'string' ? { en_US: option.label } : option.label
  if (typeof option.value !== 'string' || option.value === '' || !label?.en_US) {
    throw new InvalidMessageError(
      `Option of parameter ${parameter}: expected a non-empty value and label.en_US, got value ${describe(option.value)}`,
    )
  }
  return { value: option.value, label, icon: option.icon ?? null }
}

/** A new object for this call, or null for a plain function, which has no hooks. */
function instantiate(
  plugin: PluginCode,
  provider: string,
  name: string,
  field: string,
  context: ToolContext,
): Tool | null {
  const { code } = findTool(plugin, provider, name, field)
  return isToolClass(code) ? new code(context) : null
}

function findTool(plugin: PluginCode, provider: string, name: string, field: string) {
  checkProvider(plugin, provider)
  const tool = plugin.tools.get(name)
  if (!tool) throw unknownName(field, [...plugin.tools.keys()], name)
  return tool
}

function checkProvider(plugin: PluginCode, name: string): void {
  const own = plugin.declaration.identity.name
  if (name !== own) throw unknownName('provider', [own], name)
}

export function unknownName(field: string, expected: readonly string[], got: string): InvalidRequestError {
  return new InvalidRequestError(
    `Request field data.${field}: expected one of ${expected.join(', ')}, got ${describe(got)}`,
    { args: { field, expected: expected.join(', '), got } },
  )
}

function read<T extends z.ZodType>(schema: T, request: RequestEnvelope): z.infer<T> {
  const parsed = schema.safeParse(request.data)
  if (!parsed.success) throw new InvalidRequestError(explain(parsed.error, ['data']))
  return parsed.data
}

function createContext(
  request: RequestEnvelope,
  { signal, backwards }: LiveCall,
  credentials: Record<string, unknown>,
  credential_type: string | null,
): ToolContext {
  const { session_id, conversation_id, app_id, message_id } = request
  return {
    runtime: { credentials, credential_type, user_id: request.data.user_id },
    session: { session_id, conversation_id, app_id, message_id },
    models: createModels(backwards),
    storage: createStorage(backwards),
    signal,
  }
}
