import type { ExperimentBook } from '../../experiments/online/experiment-book.ts'
import type { Experiments } from '../../experiments/online/experiments.ts'
import type { DerivedOutcomes } from '../../experiments/outcomes/derived-outcomes.ts'
import type { Outcomes } from '../../experiments/outcomes/outcomes.ts'
import type { ReplayJobs } from '../../experiments/replay/jobs.ts'
import type { Ledger } from '../../insight/ledger/ledger.ts'
import type { Metrics } from '../../insight/metrics/metrics.ts'
import type { Timeline } from '../../insight/timeline/timeline.ts'
import type { Traffic } from '../../insight/traffic/traffic.ts'
import type { BufferZone } from '../../learning/buffer/buffer-zone.ts'
import type { Intake } from '../../learning/turn-intake.ts'
import type { MissingVectors } from '../../memory/engine/embed-missing.ts'
import type { MemoryEngine } from '../../memory/engine/engine.ts'
import type { GraphReader } from '../../memory/graph/reader.ts'
import type { RuleBook } from '../../memory/rules/rule-book.ts'
import type { Quotas } from '../../memory/store/quotas.ts'
import type { CacheStore } from '../../ports/cache-store.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { LanguageModel, ModelRequests } from '../../ports/language-model.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import type { ScopeState } from '../../ports/scope-state.ts'
import type { AuthorCache } from '../../retrieval/blocks/author-cache.ts'
import type { Profiles } from '../../retrieval/profile/profiles.ts'
import type { Recall } from '../../retrieval/recall.ts'
import type { Strategies } from '../../retrieval/strategies/strategies.ts'
import type { TurnCounter } from '../../retrieval/strategies/turn-counter.ts'

/** A backend that `/readyz` checks. */
export interface CheckedBackend {
  kind: string
  check(): Promise<void>
}

/** What the routes call. */
export interface HttpServices {
  records: RecordStore
  cache: CacheStore
  scopeState: ScopeState
  scopeLock: ScopeLock
  embedder: Embedder
  engine: MemoryEngine
  recall: Recall
  strategies: Strategies
  experiments: Experiments
  experimentBook: ExperimentBook
  outcomes: Outcomes
  derivedOutcomes: DerivedOutcomes
  profiles: Profiles
  graphs: GraphReader
  ruleBook: RuleBook
  quotas: Pick<Quotas, 'check'>
  authorCache: AuthorCache
  turnCounter: TurnCounter
  intake: Intake
  ledger: Ledger
  timeline: Timeline
  traffic: Traffic
  metrics: Metrics
  replays: ReplayJobs | undefined
  missingVectors: MissingVectors
  /** Measures the scale of the similarities, unless it is known. */
  similarityScale: ((scope: string) => unknown) | undefined
  /** Set if a model is one of Dify. */
  modelRequests?: ModelRequests | undefined
  /** The next three are absent without a language model. */
  model: LanguageModel | undefined
  queue?: CheckedBackend | undefined
  buffer: BufferZone | undefined
  /** Epoch milliseconds. */
  now: () => number
}
