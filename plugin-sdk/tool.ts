import type { I18n, ToolParameter } from './declarations/index.ts'
import type { BlobMeta, RetrieverResource, ToolMessage } from './message-types.ts'
import {
  blobMessages,
  finishLogMessage,
  imageMessage,
  jsonMessage,
  type LogOptions,
  linkMessage,
  logMessage,
  retrieverResourcesMessage,
  streamVariableMessage,
  textMessage,
  variableMessage,
} from './messages.ts'

/** Who calls, and with which credentials. Credentials are decrypted and belong to this call only. */
export interface ToolRuntime {
  readonly credentials: Readonly<Record<string, unknown>>
  /** `api-key`, `oauth2`, `unauthorized`, or null. */
  readonly credential_type: string | null
  readonly user_id: string | null
}

/** Where the call comes from. Null where Dify knows none, e.g. `conversation_id` outside a chat. */
export interface ToolSession {
  readonly session_id: string
  readonly conversation_id: string | null
  readonly app_id: string | null
  readonly message_id: string | null
}

export interface ToolContext {
  readonly runtime: ToolRuntime
  readonly session: ToolSession
  /** Aborted when the answer can no longer be delivered: time is up or the connection is gone. */
  readonly signal: AbortSignal
}

/** One choice of a `dynamic-select` parameter. */
export interface ParameterOption {
  value: string
  label: string | I18n
  icon?: string | null
}

/**
 * A tool as a class. One object serves one call and is then dropped: a process serves every workspace, so
 * nothing that belongs to a tenant may outlive the call.
 */
export abstract class Tool {
  /**
   * Set to true in a tool that checks its parameters itself and has its own way to say what is wrong: then it runs
   * also when a required one is missing, and gets what cannot be read as it came.
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

  /**
   * Does the work. `parameters` are read as their declared types and have their declared defaults; with
   * `lenientParameters` as far as they can be.
   */
  abstract invoke(parameters: Record<string, unknown>, context: ToolContext): AsyncIterable<ToolMessage>

  /** The choices of a `dynamic-select` parameter, where the tool has one. */
  fetchParameterOptions?(parameter: string, context: ToolContext): Promise<ParameterOption[]>

  /** Parameters that depend on the credentials, where `has_runtime_parameters` is set. */
  getRuntimeParameters?(context: ToolContext): Promise<ToolParameter[]>

  createTextMessage(content: string) {
    return textMessage(content)
  }
  createJsonMessage(value: object) {
    return jsonMessage(value)
  }
  createLinkMessage(url: string) {
    return linkMessage(url)
  }
  createImageMessage(url: string) {
    return imageMessage(url)
  }
  /** Use with `yield*`: a blob is many messages. */
  createBlobMessages(content: Uint8Array, meta: BlobMeta) {
    return blobMessages(content, meta)
  }
  createVariableMessage(name: string, value: unknown) {
    return variableMessage(name, value)
  }
  createStreamVariableMessage(name: string, piece: string) {
    return streamVariableMessage(name, piece)
  }
  createLogMessage(options: LogOptions) {
    return logMessage(options)
  }
  finishLogMessage(...args: Parameters<typeof finishLogMessage>) {
    return finishLogMessage(...args)
  }
  createRetrieverResourcesMessage(resources: RetrieverResource[], context?: string) {
    return retrieverResourcesMessage(resources, context)
  }
}

export type ToolClass = (new (context: ToolContext) => Tool) & Pick<typeof Tool, 'lenientParameters'>

/** A tool as an async generator function, for tools that need no hooks. */
export type ToolFunction = (
  parameters: Record<string, unknown>,
  context: ToolContext,
) => AsyncIterable<ToolMessage>

/** The provider's own code. One object serves one call. */
export abstract class ToolProvider {
  /**
   * Throws `ToolProviderCredentialValidationError` when the credentials do not work; its message is shown to
   * the person who typed them. Returning means they work.
   */
  abstract validateCredentials(
    credentials: Readonly<Record<string, unknown>>,
    context: ToolContext,
  ): Promise<void> | void
}

export type ToolProviderClass = new () => ToolProvider

/** True for a class that extends `Tool`, false for a plain function. */
export function isToolClass(value: ToolClass | ToolFunction): value is ToolClass {
  return value.prototype instanceof Tool
}
