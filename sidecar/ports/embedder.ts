import type { Account } from './language-model.ts'

/** Turns texts into vectors whose dot product is their similarity. */
export interface Embedder {
  /** Identifies model and version; vectors of different names must never be compared. */
  readonly name: string
  /** Length of every vector. */
  readonly dimensions: number
  /**
   * Whether documents of a scope can be embedded now. Absent if that does not depend on clients: `embed` then tries it.
   */
  isReachable?(scope: string): boolean
  /**
   * Returns one L2-normalised vector per text, in the same order; the zero vector for a text without words, and an empty
   * one for a document that a remote model refuses. Rejects with the signal's reason when `signal` is aborted, and with
   * `ModelUnavailable` when a remote model fails or refuses a query. `account` is recorded with calls that cost money.
   */
  embed(
    texts: readonly string[],
    purpose: 'document' | 'query',
    signal?: AbortSignal,
    account?: Account,
  ): Promise<Float32Array[]>
}
