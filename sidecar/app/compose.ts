import { ExperimentBook } from '../experiments/online/experiment-book.ts'
import { Experiments } from '../experiments/online/experiments.ts'
import { UnitStore } from '../experiments/online/unit-store.ts'
import { DerivedOutcomes } from '../experiments/outcomes/derived-outcomes.ts'
import { Outcomes } from '../experiments/outcomes/outcomes.ts'
import type { ReplayEngines } from '../experiments/replay/engine.ts'
import { ReplayJobs } from '../experiments/replay/jobs.ts'
import type { Ledger } from '../insight/ledger/ledger.ts'
import { createMetrics } from '../insight/metrics/metrics.ts'
import { Timeline } from '../insight/timeline/timeline.ts'
import { Traffic } from '../insight/traffic/traffic.ts'
import { BufferZone } from '../learning/buffer/buffer-zone.ts'
import { ObservedWindows } from '../learning/buffer/observed-windows.ts'
import type { BufferSettings } from '../learning/buffer/settings.ts'
import { Learner } from '../learning/learner/learner.ts'
import { Intake } from '../learning/turn-intake.ts'
import { createAnnouncer } from '../memory/changes/announcer.ts'
import { createNoticeStore } from '../memory/changes/pending-notices.ts'
import { MissingVectors } from '../memory/engine/embed-missing.ts'
import { MemoryEngine } from '../memory/engine/engine.ts'
import type { EntityDictionary } from '../memory/graph/dictionary.ts'
import { GraphReader } from '../memory/graph/reader.ts'
import { logInvalidRecord } from '../memory/repositories/record.ts'
import { RuleBook } from '../memory/rules/rule-book.ts'
import type { AppRules } from '../memory/rules/rules.ts'
import { type QuotaLimits, Quotas } from '../memory/store/quotas.ts'
import type { CacheStore } from '../ports/cache-store.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { LanguageModel, ModelRequests } from '../ports/language-model.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { RecordStore } from '../ports/records.ts'
import type { Reranker } from '../ports/reranker.ts'
import type { ScopeLock } from '../ports/scope-lock.ts'
import type { ScopeState } from '../ports/scope-state.ts'
import { createAuthorCache } from '../retrieval/blocks/author-cache.ts'
import { Profiles } from '../retrieval/profile/profiles.ts'
import { DEFAULT_SETTINGS, NEURAL_SETTINGS } from '../retrieval/ranking/settings.ts'
import { createScale } from '../retrieval/ranking/similarity-scale.ts'
import { Recall } from '../retrieval/recall.ts'
import { createStrategies, type StrategySettings } from '../retrieval/strategies/create.ts'
import { TurnCounter } from '../retrieval/strategies/turn-counter.ts'

export interface Backends {
  records: RecordStore
  cache: CacheStore
  scopeState: ScopeState
  scopeLock: ScopeLock
  embedder: Embedder
  reranker?: Reranker | undefined
  /** Absent: turns are kept verbatim. */
  model: LanguageModel | undefined
  /** Set if a model is one of Dify. */
  modelRequests?: ModelRequests | undefined
  /** Schedules flushes; required with a model. */
  queue?: Queue | undefined
  /** Serialises the flushes of a scope between processes; required if the records are shared. */
  flushLock?: ScopeLock | undefined
  ledger: Ledger
  /** Opens the throw-away engines of a replay. */
  openReplayEngines?: ((ruleBook: RuleBook) => ReplayEngines) | undefined
}

export interface EngineSettings {
  embeddingDeadlineMs: number
  /** Whether the embedder is a neural model, so that its similarities count. @default false */
  isNeural?: boolean | undefined
  /** Whether other processes write to the same records and the same scope state. @default false */
  isShared?: boolean
  buffer?: Partial<BufferSettings> | undefined
  strategies?: Partial<StrategySettings> | undefined
  /** @default no limits */
  quotas?: QuotaLimits | undefined
  /** Rules of apps and namespaces that have set none. @default the built-in ones */
  defaultRules?: AppRules | undefined
  /** Entities that are known apart from what memories state. */
  dictionary?: EntityDictionary | undefined
  /** Milliseconds to read or assign the arm of a unit, see `Experiments`. */
  assignDeadlineMs?: number | undefined
  /** Counts o200k tokens; required with a model. */
  countTokens?: (text: string) => number
  now?: () => number
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
}

export type Services = ReturnType<typeof compose>

const NO_QUOTAS: QuotaLimits = { memoriesPerUser: 0, bytesPerUser: 0, usersPerKey: 0 }

/** How often the undelivered notices of processes that died are looked for, milliseconds. */
const NOTICE_POLL_MS = 5000

/** Latest memories of a user whose names the names in new facts are compared with. */
const MAX_RESOLVED = 500

/** How long rules that another sidecar changes may still apply here, milliseconds. */
const RULES_CACHE_MS = 5000

/** Builds the engine on its backends, without importing an adapter. Disposing of the result closes the backends too. */
export function compose(backends: Backends, settings: EngineSettings, log: Log) {
  const { cache, scopeState, scopeLock, flushLock, queue, embedder, model, ledger } = backends
  const { embeddingDeadlineMs, isShared = false, now = Date.now, timers = globalThis } = settings
  const { countTokens = (text: string) => text.length, quotas: limits = NO_QUOTAS } = settings
  if (model && !queue) throw new Error('queue: expected one, because a language model is set')
  const quotas = new Quotas({ records: backends.records, limits, now })
  const { records } = quotas
  const onInvalidRecord = logInvalidRecord(log)
  const announcer = createAnnouncer({
    scopeState,
    notices: createNoticeStore(records, onInvalidRecord),
    log,
    timers,
    ...(isShared && { onUndeliverableRemoval: 'refuse', pollMs: NOTICE_POLL_MS }),
  })
  const { hasPendingNotices } = announcer
  const engine = new MemoryEngine({
    records,
    lock: scopeLock,
    embedder,
    onChange: async (change) => void (await announcer.changed(change)),
    onFence: async (scope) => void (await announcer.beforeRemoval(scope)),
    onInvalidRecord,
    onUnembedded: () => missingVectors.note(),
    onCorrected: (scope, id) => derivedOutcomes.corrected(scope, id),
    now,
  })
  const missingVectors = new MissingVectors({ records, engine, embedder, log, now, timers })
  const metrics = createMetrics({
    pending: () => buffer?.totals(),
    lostRows: () => timeline.lost,
    lostExposures: () => experiments.lost,
    now,
  })
  ledger.listen(metrics.call)
  const ruleBook = new RuleBook({
    records,
    lock: scopeLock,
    defaultRules: settings.defaultRules,
    now,
    cacheMs: RULES_CACHE_MS,
  })
  const graphs = new GraphReader({
    ...{ records, scopeState, onInvalidRecord, now },
    dictionary: settings.dictionary,
  })
  const similarityScale = settings.isNeural ? createScale(embedder, now) : undefined
  const recall = new Recall({
    records,
    graphs,
    embedder,
    reranker: backends.reranker,
    embeddingDeadlineMs,
    settings: settings.isNeural ? NEURAL_SETTINGS : DEFAULT_SETTINGS,
    scale: similarityScale,
    onInvalidRecord,
    now,
    timeZoneOf: async (namespace, appId) => (await ruleBook.inForce(namespace, appId)).rules.time_zone,
    onTimings: metrics.recall,
  })
  const profiles = new Profiles({ records, ruleBook, learns: model !== undefined, onInvalidRecord, now })
  const timeline = new Timeline({
    records,
    now,
    onFailure: (error, failure) =>
      log.warn('timeline write failed, will be retried', { ...failure, error: String(error) }),
  })
  const traffic = new Traffic({ now })
  const strategies = createStrategies(
    {
      recall,
      profile: (scope, request) => profiles.readText(scope, request),
      onAnswer: (answered) => {
        timeline.record(answered)
        metrics.answered(answered.result)
        traffic.recall(answered)
      },
      profilePacker: (scope, appId) => profiles.packer(scope, appId),
      records,
      scopeState,
      hasPendingNotices,
      onRecall: (scope, conversationId, window) => buffer?.observeWindow(scope, conversationId, window),
      now,
    },
    settings.strategies,
  )
  const experimentBook = new ExperimentBook({ records, lock: scopeLock, now })
  const experiments = new Experiments({
    strategies,
    book: experimentBook,
    units: new UnitStore({ records, lock: scopeLock, onInvalidRecord, onOutcome: metrics.outcome }),
    assignDeadlineMs: settings.assignDeadlineMs,
    now,
    timers,
    onAnswered: ({ scope, request: { conversationId, turn, query }, result }) =>
      derivedOutcomes.recalled({
        ...{ scope, conversationId, turn, query },
        memories: result.memories.map(({ memory }) => memory),
      }),
    onExposure: metrics.exposure,
    onShadow: metrics.shadow,
    onUnavailable: (error) =>
      log.warn('experiment unavailable, strategy of the request used', { error: String(error) }),
    onFailure: (error, failure) =>
      log.warn('write of exposures failed, will be retried', { ...failure, error: String(error) }),
  })
  const { openReplayEngines } = backends
  const replays =
    openReplayEngines &&
    new ReplayJobs({ records, openEngines: () => openReplayEngines(ruleBook), onInvalidRecord, log, now })
  const outcomes = new Outcomes({ experiments, now })
  const derivedOutcomes = new DerivedOutcomes({
    record: (scope, outcome) => outcomes.note(scope, outcome),
    onFailure: (error) => log.warn('outcome not derived', { error: String(error) }),
  })
  const learner =
    model &&
    new Learner({
      records,
      embedder,
      engine,
      model,
      ruleBook,
      findNeighbours: (scope, query) => recall.findSimilar(scope, query),
      readNames: settings.isNeural ? (scope) => graphs.readLatest(scope, MAX_RESOLVED) : undefined,
      countTokens,
    })
  const buffer =
    learner &&
    queue &&
    new BufferZone({
      records,
      queue,
      shared: flushLock && { flushLock },
      engine,
      learner,
      windows: new ObservedWindows(cache),
      countTokens,
      log,
      settings: settings.buffer,
      onFlush: metrics.flush,
      now,
      timers,
    })
  return {
    ...backends,
    records,
    quotas,
    engine,
    recall,
    similarityScale,
    strategies,
    experiments,
    experimentBook,
    outcomes,
    derivedOutcomes,
    ruleBook,
    profiles,
    graphs,
    timeline,
    traffic,
    metrics,
    buffer,
    replays,
    intake: new Intake({
      ...{ engine, ruleBook, buffer, now },
      onCleaned: metrics.cleaned,
      onAdded: (scope, { conversationId, turn, messages }, { change }) =>
        derivedOutcomes.added({ scope, conversationId, turn, messages, isNew: change === 'added' }),
    }),
    authorCache: createAuthorCache(cache, now),
    turnCounter: new TurnCounter(records, scopeState),
    announcer,
    missingVectors,
    hasPendingNotices,
    now,
    async [Symbol.asyncDispose]() {
      await derivedOutcomes.drained()
      await experiments.close()
      await replays?.close()
      await missingVectors.close()
      await buffer?.close()
      await queue?.close()
      await flushLock?.drained()
      await scopeLock.drained()
      await announcer.close()
      await ledger.close()
      await timeline.close()
      await flushLock?.close()
      await scopeLock.close()
      await scopeState.close()
      await cache.close()
      await records.close()
    },
  }
}
