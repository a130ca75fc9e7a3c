import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PendingTotals } from '../../learning/buffer/pending-totals.ts'
import type { LedgerEntry } from '../../ports/ledger.ts'
import { VERSION } from '../../ports/version.ts'
import type { Timings } from '../../retrieval/recall-options.ts'
import type { StrategyResult } from '../../retrieval/strategies/request.ts'
import type { CleanedCounts } from '../../text/cleaning/counts.ts'
import { createExperimentMetrics } from './experiment-metrics.ts'
import { limitValues } from './limit-values.ts'

/** Values that are read on every scrape. */
export interface Sources {
  /** `undefined` without a language model. */
  pending: () => Promise<PendingTotals> | undefined
  /** Timeline rows dropped since the start. */
  lostRows: () => number
  /** Exposures dropped since the start. */
  lostExposures: () => number
  /** Epoch milliseconds. */
  now: () => number
}

export type Metrics = ReturnType<typeof createMetrics>

/** Bucket bounds in seconds. A cached recall takes less than a millisecond. */
const RECALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
/** Requests that flush or add a turn may wait for a model. */
const HTTP_SECONDS = [...RECALL_SECONDS, 5, 10, 30, 60]
const MODEL_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

const MAX_MODELS = 20

/**
 * Metrics of one sidecar. Every label has a bounded set of values: route patterns, constants, and at most 20 model
 * names; never an id, a namespace or a key.
 */
export function createMetrics({ pending, lostRows, lostExposures, now }: Sources) {
  const registry = new Registry()
  const registers = [registry]
  const counter = <T extends string>(name: string, help: string, ...labelNames: T[]) =>
    new Counter({ name: `hippocache_${name}`, help, labelNames, registers })
  const histogram = <T extends string>(name: string, help: string, buckets: number[], ...labelNames: T[]) =>
    new Histogram({ name: `hippocache_${name}`, help, buckets, labelNames, registers })
  /** @param read returns `undefined` to omit the metric from this scrape */
  const gauge = (name: string, help: string, read: () => number | undefined | Promise<number | undefined>) =>
    new Gauge({
      name: `hippocache_${name}`,
      help,
      registers,
      async collect() {
        const value = await read()
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  /** A counter whose total is kept elsewhere. */
  const total = (name: string, help: string, read: () => number) =>
    new Counter({
      name: `hippocache_${name}`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    }).inc(0)

  new Gauge({ name: 'hippocache_info', help: 'Version, as a label.', labelNames: ['version'], registers })
    .labels(VERSION)
    .set(1)
  const requests = counter('http_requests_total', 'HTTP requests.', 'method', 'route', 'status')
  const requestSeconds = histogram(
    'http_request_seconds',
    'Duration of HTTP requests.',
    HTTP_SECONDS,
    'method',
    'route',
  )
  const recallHelp = 'Duration of recalls and searches, by part.'
  const recallSeconds = histogram('recall_seconds', recallHelp, RECALL_SECONDS, 'kind', 'part')
  const degradedHelp = 'Recalls and searches in which a part failed or timed out.'
  const degradedRecalls = counter('recall_degraded_total', degradedHelp, 'kind', 'part')
  const recallsHelp = 'Recalls by the strategy that answered, and what the cached block did.'
  const recalls = counter('recalls_total', recallsHelp, 'strategy', 'result', 'reason')
  const injectedHelp = 'o200k tokens of recalled contexts.'
  const injectedTokens = counter('injected_tokens_total', injectedHelp, 'strategy')
  const shadowHelp = 'Answers of arms that were only compared, and turns for which none was made ("dropped").'
  const shadows = counter('shadow_recalls_total', shadowHelp, 'outcome')
  const strategySecondsHelp = 'Duration of recalls, by the strategy that answered.'
  const strategySeconds = histogram(
    'strategy_recall_seconds',
    strategySecondsHelp,
    RECALL_SECONDS,
    'strategy',
  )
  const experiments = createExperimentMetrics()
  const cacheReads = counter('cache_reads_total', 'Reads of cache entries set by apps.', 'status', 'reason')
  const cleanedHelp = 'What was removed from texts before they were stored.'
  const cleanedParts = counter('intake_cleaned_total', cleanedHelp, 'kind')
  const flushes = counter('flushes_total', 'Flushed batches of turns.', 'reason', 'outcome')
  const flushedTurns = counter('flushed_turns_total', 'Turns in flushed batches.', 'reason', 'outcome')
  const callsHelp = 'Requests to models; each retry counts as one.'
  const calls = counter('model_calls_total', callsHelp, 'purpose', 'model', 'outcome')
  const tokensHelp = 'Tokens as reported by the provider; "cached" is part of "in".'
  const tokens = counter('model_tokens_total', tokensHelp, 'purpose', 'model', 'kind')
  const callSeconds = histogram(
    'model_call_seconds',
    'Duration of requests to models.',
    MODEL_SECONDS,
    'purpose',
  )
  const modelLabel = limitValues(MAX_MODELS)

  // The metrics of pending turns are omitted while the store does not respond.
  const pendingGauge = (name: string, help: string, read: (totals: PendingTotals) => number) =>
    gauge(`pending_${name}`, help, async () => {
      const totals = await pending()?.catch(() => undefined)
      return totals && read(totals)
    })
  pendingGauge('turns', 'Turns that are not extracted yet.', ({ turns }) => turns)
  pendingGauge('failed_turns', 'Pending turns that failed permanently.', ({ failed }) => failed)
  pendingGauge('tokens', 'Tokens of the pending turns.', ({ tokens }) => tokens)
  const ageOf = (at: number | null) => (at === null ? 0 : Math.max(0, now() - at) / 1000)
  pendingGauge('oldest_seconds', 'Age of the oldest pending turn; 0 without one.', ({ oldestAt }) =>
    ageOf(oldestAt),
  )
  total('timeline_rows_lost_total', 'Timeline rows dropped before they were written.', lostRows)
  total('exposures_lost_total', 'Exposures dropped before they were added to their unit.', lostExposures)

  return {
    registry,
    ...experiments,
    request(method: string, route: string, status: number, seconds: number) {
      requests.labels(method, route, String(status)).inc()
      requestSeconds.labels(method, route).observe(seconds)
    },
    recall(kind: 'recall' | 'search', durations: Timings, degraded: readonly string[]) {
      for (const [part, ms] of Object.entries(durations)) {
        // A search renders nothing.
        if (kind === 'recall' || part !== 'render') recallSeconds.labels(kind, part).observe(ms / 1000)
      }
      for (const part of degraded) degradedRecalls.labels(kind, part).inc()
    },
    /** A recall that was answered, from the cache or not. */
    answered({ strategy, cache, tokens, tookMs }: StrategyResult) {
      strategySeconds.labels(strategy).observe(tookMs.total / 1000)
      recalls.labels(strategy, cache.result, cache.reason).inc()
      injectedTokens.labels(strategy).inc(toCount(tokens))
    },
    shadow(outcome: string) {
      shadows.labels(outcome).inc()
    },
    cacheRead(status: string, reason: string) {
      cacheReads.labels(status, reason).inc()
    },
    cleaned(counts: CleanedCounts) {
      for (const [kind, amount] of Object.entries(counts)) cleanedParts.labels(kind).inc(amount)
    },
    flush(reason: string, outcome: string, turns: number) {
      flushes.labels(reason, outcome).inc()
      flushedTurns.labels(reason, outcome).inc(turns)
    },
    /** A request to a language or embedding model. */
    call({ purpose, model, outcome, latencyMs, ...counts }: LedgerEntry) {
      const label = modelLabel(model)
      calls.labels(purpose, label, outcome).inc()
      callSeconds.labels(purpose).observe(toCount(latencyMs) / 1000)
      tokens.labels(purpose, label, 'in').inc(toCount(counts.tokensIn))
      tokens.labels(purpose, label, 'out').inc(toCount(counts.tokensOut))
      tokens.labels(purpose, label, 'cached').inc(toCount(counts.tokensCached))
    },
  }
}

let processRegistry: Registry | undefined

/** Memory, CPU, event loop and garbage collection of this process; measured from the first call on. */
export function processMetrics(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry()
    collectDefaultMetrics({ register: processRegistry })
  }
  return processRegistry
}

/** Providers report invalid token counts, which a Prometheus counter rejects. */
function toCount(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}
