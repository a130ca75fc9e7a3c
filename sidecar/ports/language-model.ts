/** Purpose of a model call; each may have its own model, and is recorded in the ledger. */
export type Purpose = 'extract' | 'reconcile' | 'summarise'

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** A function that the model may call. `parameters` is JSON Schema. */
export interface FunctionTool {
  name: string
  description: string
  parameters: Readonly<Record<string, unknown>>
}

export interface CompletionRequest {
  purpose: Purpose
  messages: readonly ChatMessage[]
  /** Schema of the answer, enforced as far as the endpoint supports it. */
  schema?: { name: string; schema: Readonly<Record<string, unknown>> } | undefined
  /** The model must call at least one of them, if the endpoint supports that. */
  tools?: readonly FunctionTool[] | undefined
  /** Limit for the answer; adapters add tokens for reasoning. */
  maxOutputTokens: number
  /** When aborted, `complete` rejects with its reason. */
  signal?: AbortSignal | undefined
  /** Recorded in the ledger. */
  account: Account
}

/** The user and turn that caused a call. */
export interface Account {
  /** `scopeKey` of the user. */
  scope: string
  conversationId?: string | null | undefined
  turn?: number | null | undefined
  arm?: string | null | undefined
}

export interface Completion {
  /** Unchecked; empty if the model only called functions. */
  text: string
  /** Function calls; `arguments` is unchecked text that should be JSON. */
  calls: readonly { name: string; arguments: string }[]
  /** `length`: truncated by the token limit. */
  finish: 'stop' | 'length' | 'refused' | 'other'
  model: string
  /**
   * Requested features that the endpoint lacks. Without `tools`, the functions were described in the prompt, and `text`
   * should be JSON like `{"calls":[{"name":"…","arguments":{…}}]}`; without `schema`, the schema was not enforced.
   */
  without?: readonly ('schema' | 'tools')[] | undefined
}

/**
 * A chat model. Rejects with `ModelUnavailable` when the endpoint is down, slow, rate-limited or returns no completion,
 * after the adapter's own retries. The content of a completion is never an error.
 */
export interface LanguageModel {
  /** Name for logs: model and host, or `none`. */
  readonly kind: string
  complete(request: CompletionRequest): Promise<Completion>
  /** Set while calls are suspended because they failed repeatedly, or the key is refused. */
  failing?(): Outage | undefined
}

/** Calls to an endpoint have failed since then. */
export interface Outage {
  /** Epoch milliseconds. */
  since: number
  /** Of the last call. */
  error: string
}

interface FailureDetails {
  /** Delay that the endpoint requested, milliseconds. */
  retryAfterMs?: number | undefined
  /** HTTP status, if any. After 400, 404, 413 and 422 a retry of the same request fails too. */
  status?: number | undefined
}

/** The endpoint returned no completion; the caller tries again later. */
export class ModelUnavailable extends Error implements FailureDetails {
  override readonly name = 'ModelUnavailable'
  /** Stable identifier for status and metrics. */
  readonly reason:
    | 'timeout'
    | 'rate_limited'
    | 'refused_key'
    | 'server_error'
    | 'bad_answer'
    | 'unreachable'
    | 'circuit_open'
  readonly retryAfterMs: number | undefined
  readonly status: number | undefined

  constructor(reason: ModelUnavailable['reason'], message: string, details: FailureDetails = {}) {
    super(message)
    this.reason = reason
    this.retryAfterMs = details.retryAfterMs
    this.status = details.status
  }
}

/** A model call that a client of the sidecar runs, because only the client can reach the model. */
export type ModelCall =
  | { kind: 'completion'; messages: readonly ChatMessage[]; maxOutputTokens: number }
  /** Texts to embed as queries or as documents. */
  | { kind: 'query' | 'document'; texts: readonly string[] }

export type ModelRequest = ModelCall & { id: string }

export type ModelAnswer =
  | (Pick<Completion, 'text' | 'finish' | 'model'> & {
      /** One per text, unchecked. */
      vectors: readonly unknown[]
      tokensIn: number
      tokensOut: number
    })
  /** Why there is no answer. */
  | { error: string }

/** A client that runs model calls. */
export interface ModelClient {
  /** Of its calls: the next one ends the one that waits, so that no request is handed to a client that has left. */
  id: string
  /** The user that the client works for: requests of this user come first, then those of its namespace. */
  scope: string
  takes: readonly ModelCall['kind'][]
}

/** Model calls that wait for a client of their namespace. */
export interface ModelRequests {
  /** Whether clients run completions. */
  readonly completes: boolean
  /** The embedding model that a client must have, and the length of its vectors; absent if clients embed nothing. */
  readonly embedding: { readonly model: string; readonly dimensions: number } | undefined
  /**
   * The oldest waiting request that the client takes, or the next one within `waitMs` milliseconds, or as long as
   * `isExpected`. It is handed out once.
   */
  take(
    client: ModelClient,
    waitMs: number,
    signal: AbortSignal,
    isExpected?: () => boolean,
  ): Promise<ModelRequest | undefined>
  /** The client asks for a request at once, so that requests may wait for it. */
  announce(client: ModelClient): void
  /** False: no request of this id waits for an answer of this namespace; it has timed out, or was answered. */
  answer(scope: string, id: string, answer: ModelAnswer): boolean
}
