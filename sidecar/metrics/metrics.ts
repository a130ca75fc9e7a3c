import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { RecordCall } from '../ports/ledger.ts'
import { VERSION } from '../version.ts'
import { HTTP_SECONDS, MODEL_SECONDS, RECALL_SECONDS } from './buckets.ts'
import { atMost, remembering } from './labels.ts'

/** What a recall or a search took, in milliseconds, by part. */
export type Parts = Readonly<Record<'total' | 'embed' | 'search' | 'render', number>>

/** Turns that wait to be learned from, whichever sidecar took them in. */
export interface Waiting {
  turns: number
  /** Of these, those that have failed for good and wait to be replayed. */
  failed: number
  tokens: number
  /** When the oldest was accepted, epoch milliseconds. */
  oldestAt: number | null
}

/** What is read when somebody asks, rather than counted when it happens. */
export interface Sources {
  snapshots: () => { held: number; bytes: number; builds: number }
  /** `undefined` without a language model. */
  waiting: () => Promise<Waiting> | undefined
  /** Rows of timelines that were given up since the start. */
  lostRows: () => number
  now: () => number
}

/**
 * The numbers of one sidecar. Every label has a bounded set of values: patterns of routes, words of this code, and at
 * most twenty models; never an id, a namespace or a key.
 */
export interface Metrics {
  readonly registry: Registry
  request: (method: string, route: string, status: number, seconds: number) => void
  recall: (kind: 'recall' | 'search', tookMs: Parts, degraded: readonly string[]) => void
  cacheRead: (status: string, reason: string) => void
  flush: (reason: string, outcome: string, turns: number) => void
  /** A call to a language or embedding model. */
  call: RecordCall
}

export function createMetrics({ snapshots, waiting, lostRows, now }: Sources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
    new Counter({ name: `hippocache_${name}`, help, labelNames, registers })
  const histogram = <T extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly T[],
  ) => new Histogram({ name: `hippocache_${name}`, help, buckets, labelNames, registers })
  /** @param read `undefined`: there is no such number just now */
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

  new Gauge({ name: 'hippocache_info', help: 'The release, as a label.', labelNames: ['version'], registers })
    .labels(VERSION)
    .set(1)
  const requests = counter('http_requests_total', 'Requests answered.', ['method', 'route', 'status'])
  const requestSeconds = histogram('http_request_seconds', 'Time to the answer.', HTTP_SECONDS, [
    'method',
    'route',
  ])
  const partSeconds = histogram('recall_seconds', 'Time of recalls and searches, by part.', RECALL_SECONDS, [
    'kind',
    'part',
  ])
  const degraded = counter('recall_degraded_total', 'Recalls and searches that did without a part.', [
    'kind',
    'part',
  ])
  const cacheReads = counter('cache_reads_total', 'Answers of Cache Get.', ['status', 'reason'])
  const flushes = counter('flushes_total', 'Batches of turns that a model was to learn from.', [
    'reason',
    'outcome',
  ])
  const flushedTurns = counter(
    'flushed_turns_total',
    'Turns of these batches; calls and tokens of models by those "learned" are what a turn takes.',
    ['reason', 'outcome'],
  )
  const calls = counter('model_calls_total', 'Requests to models, each try by itself.', [
    'purpose',
    'model',
    'outcome',
  ])
  const tokens = counter(
    'model_tokens_total',
    'Tokens as the provider counted them; "cached" is part of "in".',
    ['purpose', 'model', 'kind'],
  )
  const callSeconds = histogram('model_call_seconds', 'Time of requests to models.', MODEL_SECONDS, [
    'purpose',
  ])
  const modelName = atMost(20)
  const requestOf = remembering((method: string, route: string, status: string) => ({
    count: requests.labels(method, route, status),
    time: requestSeconds.labels(method, route),
  }))
  const partOf = remembering((kind: string, part: string) => partSeconds.labels(kind, part))

  // Nothing is said of what the store does not tell.
  const waits = async () => await waiting()?.catch(() => undefined)
  gauge('pending_turns', 'Turns that wait to be learned from.', async () => (await waits())?.turns)
  gauge(
    'pending_failed_turns',
    'Of these, those that have failed for good.',
    async () => (await waits())?.failed,
  )
  gauge('pending_tokens', 'Tokens of the turns that wait.', async () => (await waits())?.tokens)
  gauge('pending_oldest_seconds', 'Age of the turn that waits longest; 0 when none does.', async () => {
    const state = await waits()
    return state && (state.oldestAt === null ? 0 : Math.max(0, now() - state.oldestAt) / 1000)
  })
  gauge('snapshots', 'Scopes held ready to be searched.', () => snapshots().held)
  gauge('snapshot_bytes', 'Their rough size.', () => snapshots().bytes)
  /** @param read of a total that somebody else keeps */
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
  total('snapshot_builds_total', 'Snapshots built from the store.', () => snapshots().builds)
  total('timeline_rows_lost_total', 'Rows of timelines that could not be written in time.', lostRows)

  return {
    registry,
    request(method, route, status, seconds) {
      const { count, time } = requestOf(method, route, String(status))
      count.inc()
      time.observe(seconds)
    },
    recall(kind, tookMs, without) {
      for (const [part, ms] of Object.entries(tookMs)) {
        // A search renders nothing.
        if (kind === 'recall' || part !== 'render') partOf(kind, part).observe(ms / 1000)
      }
      for (const part of without) degraded.labels(kind, part).inc()
    },
    cacheRead(status, reason) {
      cacheReads.labels(status, reason).inc()
    },
    flush(reason, outcome, turns) {
      flushes.labels(reason, outcome).inc()
      flushedTurns.labels(reason, outcome).inc(turns)
    },
    call({ purpose, model, outcome, latencyMs, tokensIn, tokensOut, tokensCached }) {
      const name = modelName(model)
      calls.labels(purpose, name, outcome).inc()
      callSeconds.labels(purpose).observe(counted(latencyMs) / 1000)
      tokens.labels(purpose, name, 'in').inc(counted(tokensIn))
      tokens.labels(purpose, name, 'out').inc(counted(tokensOut))
      tokens.labels(purpose, name, 'cached').inc(counted(tokensCached))
    },
  }
}

/** Providers say what they like, and a counter refuses what is no count. */
function counted(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0
}
