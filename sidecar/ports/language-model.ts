/** Why a model is asked; each purpose may have a model of its own and is a column of the ledger. */
export type Purpose = 'extract' | 'reconcile' | 'summarise'

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** A function the model may call, its parameters as JSON Schema. */
export interface FunctionTool {
  name: string
  description: string
  parameters: Readonly<Record<string, unknown>>
}

export interface CompletionRequest {
  purpose: Purpose
  messages: readonly ChatMessage[]
  /** The shape that the answer should have. Adapters ask for it as strictly as their endpoint can, or not at all. */
  schema?: { name: string; schema: Readonly<Record<string, unknown>> } | undefined
  /** Functions to choose from; `required` makes the model call at least one where the endpoint can. */
  tools?: readonly FunctionTool[] | undefined
  /** Of the answer; adapters add room for the reasoning of models that reason first. */
  maxOutputTokens: number
  /** When it is aborted, `complete` rejects with its reason. */
  signal?: AbortSignal | undefined
  /** For whom the money is spent; goes to the ledger with the call. */
  account: Account
}

/** Whom a call is booked to. */
export interface Account {
  /** `scopeKey` of the user. */
  scope: string
  conversationId?: string | null | undefined
  turn?: number | null | undefined
  arm?: string | null | undefined
}

export interface Completion {
  /** What the model wrote; may be empty when it only called functions. Not checked: it may be anything. */
  text: string
  /** Functions called, arguments as the model wrote them: text that should be JSON. */
  calls: readonly { name: string; arguments: string }[]
  /** `length`: cut off by the token limit. */
  finish: 'stop' | 'length' | 'refused' | 'other'
  model: string
  /**
   * What was asked for and the endpoint does not have. Without `tools` the functions were described in words, and
   * `text` should be JSON like `{"calls":[{"name":"…","arguments":{…}}]}`; without `schema` nothing held the
   * model to the shape.
   */
  without?: readonly ('schema' | 'tools')[] | undefined
}

/**
 * A chat model. Rejects with `ModelUnavailable` when the endpoint is down, slow, rate-limited or answers what is no
 * completion at all, after the adapter's own retries; what a working model *says* is never an error here.
 */
export interface LanguageModel {
  /** For people: model and host, or `none`. */
  readonly kind: string
  complete(request: CompletionRequest): Promise<Completion>
}

/** The endpoint gave no completion; the work stays and is tried again later. */
export class ModelUnavailable extends Error {
  override readonly name = 'ModelUnavailable'
  /** What happened, as a stable word for states and metrics. */
  readonly reason:
    | 'timeout'
    | 'rate_limited'
    | 'refused_key'
    | 'server_error'
    | 'bad_answer'
    | 'unreachable'
    | 'circuit_open'
  /** Milliseconds after which the endpoint said that it may be asked again. */
  readonly retryAfterMs: number | undefined
  /** HTTP status, where there was one. A request answered with 400, 404, 413 or 422 will not fare better later. */
  readonly status: number | undefined

  constructor(
    reason: ModelUnavailable['reason'],
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined; status?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
    this.status = options.status
  }
}
