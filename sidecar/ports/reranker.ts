import type { Account } from './language-model.ts'

/** Scores documents by what they say about a query. */
export interface Reranker {
  /** Name for logs: model and host. */
  readonly kind: string
  /** Most documents that one call scores. */
  readonly maxDocuments: number
  /**
   * The relevance of each document in 0…1, in the order of the documents; `undefined` for one that was not scored, as
   * those after `maxDocuments` are. Never tries twice. Answers `undefined` when the endpoint is late or fails, and
   * rejects only with the signal's reason.
   */
  rerank(
    query: string,
    documents: readonly string[],
    signal?: AbortSignal,
    account?: Account,
  ): Promise<(number | undefined)[] | undefined>
}
