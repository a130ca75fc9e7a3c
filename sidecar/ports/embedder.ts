import type { Account } from './language-model.ts'

/** Turns texts into vectors whose dot product is their similarity. */
export interface Embedder {
  /** Names model and version: vectors of two names must never be compared. */
  readonly name: string
  /** Length of every vector that `embed` answers. */
  readonly dimensions: number
  /**
   * One L2-normalised vector per text, in the same order. A text with nothing to embed gives the zero
   * vector. Rejects with the signal's reason when `signal` is aborted, and with `ModelUnavailable` when a
   * model elsewhere gives no vectors. `account` says whom calls that cost money are booked to.
   */
  embed(
    texts: readonly string[],
    purpose: 'document' | 'query',
    signal?: AbortSignal,
    account?: Account,
  ): Promise<Float32Array[]>
}
