import type { Models } from './backwards/models.ts'
import type { Storage } from './backwards/storage.ts'
import type { I18n, ToolParameter } from './declarations/index.ts'
import {
  blobMessages,
  finishLogMessage,
  imageMessage,
  jsonMessage,
  linkMessage,
  logMessage,
  retrieverResourcesMessage,
  streamVariableMessage,
  type ToolMessage,
  textMessage,
  variableMessage,
} from './messages.ts'

/** The caller. Credentials are decrypted and valid for this call only. */
export interface ToolRuntime {
  readonly credentials: Readonly<Record<string, unknown>>
  /** `api-key`, `oauth2`, `unauthorized`, or null. */
  readonly credential_type: string | null
  readonly user_id: string | null
}

/** The origin of the call. Null if unknown, for example `conversation_id` outside a chat. */
export interface ToolSession {
  readonly session_id: string
  readonly conversation_id: string | null
  readonly app_id: string | null
  readonly message_id: string | null
}

export interface ToolContext {
  readonly runtime: ToolRuntime
  readonly session: ToolSession
  readonly models: Models
  readonly storage: Storage
  /** Aborted when the answer can no longer be delivered: the session timed out or the connection closed. */
  readonly signal: AbortSignal
}

/** One choice of a `dynamic-select` parameter. */
export interface ParameterOption {
  value: string
  label: string | I18n
  icon?: string | null
}

/**
 * A tool as a class. Each call gets a new object, because one process serves every workspace: tenant data must not
 * outlive the call.
 */
export abstract class Tool {
  /**
   * Set to true in a tool that validates its parameters itself. It then runs without missing required parameters, and
   * gets values of a wrong type unchanged.
   */
  static readonly lenientParameters: boolean = false

  readonly context: ToolContext

  constructor(context: ToolContext) {
    this.context = context
  }

  get runtime(): ToolRuntime {
    return this.context.runtime
  }

  get session(): ToolSession {
    return this.context.session
  }

  /** Runs the tool. `parameters` are converted to their declared types and have their declared defaults. */
  abstract invoke(parameters: Record<string, unknown>, context: ToolContext): AsyncIterable<ToolMessage>

  /** The options of a `dynamic-select` parameter. */
  fetchParameterOptions?(parameter: string, context: ToolContext): Promise<ParameterOption[]>

  /** Parameters that depend on the credentials; requires `has_runtime_parameters`. */
  getRuntimeParameters?(context: ToolContext): Promise<ToolParameter[]>

  readonly createTextMessage = textMessage
  readonly createJsonMessage = jsonMessage
  readonly createLinkMessage = linkMessage
  readonly createImageMessage = imageMessage
  /** Use with `yield*`: a blob is many messages. */
  readonly createBlobMessages = blobMessages
  readonly createVariableMessage = variableMessage
  readonly createStreamVariableMessage = streamVariableMessage
  readonly createLogMessage = logMessage
  readonly finishLogMessage = finishLogMessage
  readonly createRetrieverResourcesMessage = retrieverResourcesMessage
}

export type ToolClass = (new (context: ToolContext) => Tool) & Pick<typeof Tool, 'lenientParameters'>

/** A tool as an async generator function. */
export type ToolFunction = (
  parameters: Record<string, unknown>,
  context: ToolContext,
) => AsyncIterable<ToolMessage>

/** The provider. Each call gets a new object. */
export abstract class ToolProvider {
  /**
   * Throws `ToolProviderCredentialValidationError` for invalid credentials. Dify shows its message under the
   * credential form.
   */
  abstract validateCredentials(
    credentials: Readonly<Record<string, unknown>>,
    context: ToolContext,
  ): Promise<void> | void
}

export type ToolProviderClass = new () => ToolProvider

export function isToolClass(value: ToolClass | ToolFunction): value is ToolClass {
  return value.prototype instanceof Tool
}
