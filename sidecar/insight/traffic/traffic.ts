import { LRUCache } from 'lru-cache'
import type { Strategy } from '../../retrieval/strategies/request.ts'
import type { Answered } from '../../retrieval/strategies/strategies.ts'

interface RecallSample {
  /** Epoch milliseconds. */
  at: number
  strategy: Strategy
  /** `result.reason` of the cache, such as `miss.window`. */
  cache: string
  ms: number
  tokens: number
  isDegraded: boolean
}

/** The latest samples, oldest overwritten first. */
class Ring<T> {
  readonly #samples: T[] = []
  readonly #capacity: number
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  add(sample: T): void {
    this.#samples[this.#next] = sample
    this.#next = (this.#next + 1) % this.#capacity
  }

  get all(): readonly T[] {
    return this.#samples
  }

  get isFull(): boolean {
    return this.#samples.length === this.#capacity
  }
}

interface NamespaceTraffic {
  recalls: Ring<RecallSample>
  /** Times of added turns, epoch milliseconds. */
  turns: Ring<number>
}

export interface StrategyTraffic {
  strategy: Strategy
  recalls: number
  p50_ms: number
  p95_ms: number
  /** Mean injected o200k tokens. */
  tokens: number
  /** Share of the recalls that used a cached block, 0…1; `null` for a strategy without a cache. */
  hit_rate: number | null
}

export interface TrafficSummary {
  /** Seconds that the summary covers. */
  window_s: number
  recalls: number
  turns: number
  degraded: number
  hit_rate: number | null
  /** Recalls by `result.reason` of the cache. */
  cache: Record<string, number>
  strategies: StrategyTraffic[]
  minutes: { minutes_ago: number; recalls: number; p50_ms: number | null; p95_ms: number | null }[]
}

const WINDOW_MS = 3_600_000
const MINUTE_MS = 60_000
const MAX_NAMESPACES = 100

/**
 * Recalls and turns of the last hour by namespace, in the memory of this process. Unlike the metrics, it can be shown to
 * the holder of one API key.
 */
export class Traffic {
  readonly #namespaces: LRUCache<string, NamespaceTraffic>
  readonly #now: () => number
  readonly #startedAt: number

  /** @param maxSamples per namespace; with more traffic, the summary covers less than an hour */
  constructor({ now, maxSamples = 5000 }: { now: () => number; maxSamples?: number }) {
    this.#now = now
    this.#startedAt = now()
    this.#namespaces = new LRUCache<string, NamespaceTraffic>({
      max: MAX_NAMESPACES,
      memoMethod: () => ({ recalls: new Ring(maxSamples), turns: new Ring(maxSamples) }),
    })
  }

  readonly recall = ({ scope, result, at }: Pick<Answered, 'scope' | 'result' | 'at'>): void => {
    const { strategy, cache, tokens, degraded, tookMs } = result
    const isDegraded = degraded.length > 0
    const key = `${cache.result}.${cache.reason}`
    const sample = { at, strategy, cache: key, ms: tookMs.total, tokens, isDegraded }
    this.#namespaces.memo(scope.namespace).recalls.add(sample)
  }

  turn(namespace: string): void {
    this.#namespaces.memo(namespace).turns.add(this.#now())
  }

  summarise(namespace: string): TrafficSummary {
    const now = this.#now()
    const { recalls, turns } = this.#namespaces.memo(namespace)
    let from = Math.max(now - WINDOW_MS, this.#startedAt)
    // A full ring buffer covers only the time since its oldest sample.
    if (recalls.isFull) from = Math.max(from, Math.min(...recalls.all.map(({ at }) => at)))
    if (turns.isFull) from = Math.max(from, Math.min(...turns.all))
    const recent = recalls.all.filter(({ at }) => at >= from)
    const byMinute = Map.groupBy(recent, ({ at }) => Math.max(0, Math.floor((now - at) / MINUTE_MS)))
    const cache: Record<string, number> = {}
    for (const sample of recent) cache[sample.cache] = (cache[sample.cache] ?? 0) + 1
    return {
      window_s: Math.max(1, Math.round((now - from) / 1000)),
      recalls: recent.length,
      turns: turns.all.filter((at) => at >= from).length,
      degraded: recent.filter(({ isDegraded }) => isDegraded).length,
      hit_rate: hitRate(recent),
      cache,
      strategies: [...Map.groupBy(recent, ({ strategy }) => strategy)].map(([strategy, samples]) => ({
        strategy,
        recalls: samples.length,
        ...latencyOf(samples),
        tokens: Math.round(samples.reduce((sum, { tokens }) => sum + tokens, 0) / samples.length),
        hit_rate: hitRate(samples),
      })),
      minutes: Array.from({ length: Math.ceil(Math.max(1, now - from) / MINUTE_MS) }, (_, minutes_ago) => {
        const samples = byMinute.get(minutes_ago) ?? []
        const latency = samples.length > 0 ? latencyOf(samples) : { p50_ms: null, p95_ms: null }
        return { minutes_ago, recalls: samples.length, ...latency }
      }),
    }
  }
}

/** Among the recalls that could use a cached block. */
function hitRate(samples: readonly RecallSample[]): number | null {
  const cached = samples.filter(({ cache }) => !cache.startsWith('none.'))
  if (cached.length === 0) return null
  return cached.filter(({ cache }) => cache.startsWith('hit.')).length / cached.length
}

/** @param samples at least one */
function latencyOf(samples: readonly RecallSample[]): { p50_ms: number; p95_ms: number } {
  const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b)
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number
  return { p50_ms: round(rank(0.5)), p95_ms: round(rank(0.95)) }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
