import type { RecordStore } from '../../ports/records.ts'
import type { ScopeState } from '../../ports/scope-state.ts'
import type { Strategies } from '../../retrieval/strategies/strategies.ts'

/** The recall of a sidecar on a temporary store, for one user. */
export interface ReplayEngine extends AsyncDisposable {
  /** Empty at first, in memory. */
  records: RecordStore
  scopeState: ScopeState
  strategies: Strategies
  /** Whether the embedder runs in this process. A remote one is not called; a stored embedding is used instead. */
  embedsQueries: boolean
  /** Sets the time of the recalls (epoch milliseconds), and the embedding of the query where it must be known. */
  setMoment(moment: { now: number; queryVector: Float32Array | undefined }): void
}

/** Opens an engine per user. Composed by `app/`, which alone knows the adapters. */
export interface ReplayEngines extends AsyncDisposable {
  open(): Promise<ReplayEngine>
}
