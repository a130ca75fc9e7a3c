/** Turns texts into vectors whose dot product is their similarity. */
export interface Embedder {
  /** Names model and version: vectors of two names must never be compared. */
  readonly name: string
  /** Length of every vector that `embed` answers. */
  readonly dimensions: number
  /**
   * One L2-normalised vector per text, in the same order. A text with nothing to embed gives the zero
   * vector. Rejects with the signal's reason when `signal` is aborted.
   */
  embed(
    texts: readonly string[],
    purpose: 'document' | 'query',
    signal?: AbortSignal,
  ): Promise<Float32Array[]>
}
