import type { ChatMessage, Completion } from './language-model.ts'

/** A model call that a client of the sidecar runs, because only the client can reach the model. */
export interface ModelRequest {
  id: string
  messages: readonly ChatMessage[]
  maxOutputTokens: number
}

export type ModelAnswer =
  | (Pick<Completion, 'text' | 'finish' | 'model'> & { tokensIn: number; tokensOut: number })
  /** Why there is no completion. */
  | { error: string }

/** Model calls that wait for a client of their namespace. */
export interface ModelRequests {
  /** The oldest waiting request, or the next one within `waitMs` milliseconds. It is handed out once. */
  take(namespace: string, waitMs: number, signal: AbortSignal): Promise<ModelRequest | undefined>
  /** False: no request of this id waits for an answer; it has timed out, or was answered. */
  answer(namespace: string, id: string, answer: ModelAnswer): boolean
}
