import type { GraphReader } from '../memory/graph/reader.ts'
import type { OnInvalidRecord } from '../memory/repositories/record.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { RecordStore } from '../ports/records.ts'
import type { Reranker } from '../ports/reranker.ts'
import type { RankSettings } from './ranking/settings.ts'
import type { SimilarityScale } from './ranking/similarity-scale.ts'

/** Milliseconds. */
export interface Timings {
  embed: number
  search: number
  render: number
  total: number
}

export interface RecallOptions {
  records: RecordStore
  embedder: Embedder
  reranker?: Reranker | undefined
  graphs?: GraphReader | undefined
  settings?: RankSettings | undefined
  /** The scale of the embedder's similarities, once it is known. */
  scale?: ((scope: string) => SimilarityScale | undefined) | undefined
  /** Maximum milliseconds of the query embedding. After it, the ranking is lexical. */
  embeddingDeadlineMs: number
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Epoch milliseconds; "last week" in a query is relative to it. */
  now?: () => number
  /** The time zone of queries, by the rules of the app; default: UTC. */
  timeZoneOf?: (namespace: string, appId: string | null) => Promise<string>
  /** Called with the duration of each read and its missing parts. */
  onTimings?: (kind: 'recall' | 'search', tookMs: Timings, degraded: readonly string[]) => void
}
