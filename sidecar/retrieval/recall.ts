import pTimeout from 'p-timeout'
import { asOf as readAsOf } from '../memory/engine/as-of.ts'
import type { Filter, Predicate } from '../memory/model/filters.ts'
import type { Memory } from '../memory/model/memory.ts'
import { type Narrowing, type Scope, scopeKey } from '../memory/model/scope.ts'
import { readLatestMemories, readMemory } from '../memory/repositories/memories.ts'
import { type OnInvalidRecord, tryRead } from '../memory/repositories/record.ts'
import { searchEntriesOf } from '../memory/search/entry.ts'
import type { Embedder } from '../ports/embedder.ts'
import { AppError } from '../ports/errors.ts'
import type { Candidate, Condition, RecordStore } from '../ports/records.ts'
import { DAY_MS, type DateRange } from '../text/dates.ts'
import { inZone, type LocalTime, toWallClock, UTC } from '../text/local-time.ts'
import { hasRelativeDate } from '../text/relative-dates.ts'
import { tokenCounter } from '../text/token-counter.ts'
import { coverageOf, type TurnCoverage } from './blocks/turn-coverage.ts'
import { conditionOf, createGates, type Gate, passesAll, windowGate } from './gates.ts'
import { analyseQuery, type Query, rangesOf, searchTermsOf } from './ranking/query.ts'
import { type Ranked, rank } from './ranking/rank.ts'
import type { RankSettings } from './ranking/settings.ts'
import { DEFAULT_HEADING, NO_HEADING, type Rendered, render } from './render.ts'
import { dropRepeats } from './repeats.ts'
import { createAbsenceCheck, explainAbsence, type WhyNot } from './why-not.ts'

export interface SearchRequest extends Narrowing {
  query: string
  topK: number
  /** Minimum score. */
  threshold?: number | undefined
  filter?: Filter | undefined
  explain?: boolean | undefined
  /** Ids of memories whose absence from the result is to be explained. */
  whyNot?: readonly string[] | undefined
  /** Searches the memories that were current at this time, epoch milliseconds. */
  asOf?: number | undefined
  /** When the question is asked; default: `asOf`, else now. Without an offset, the time zone of the app applies. */
  askedAt?: LocalTime | undefined
}

export interface Found {
  memory: Memory
  score: number
  parts?: Record<string, number> | undefined
  /** With `asOf`: end of validity of this version, epoch milliseconds. */
  validUntil: number | null
}

/** Milliseconds. */
export interface Timings {
  embed: number
  search: number
  render: number
  total: number
}

export interface SearchResult {
  found: Found[]
  whyNot?: Record<string, WhyNot> | undefined
  /** Parts that are missing because they were late or failed. */
  degraded: string[]
  tookMs: Timings
}

export interface RecallRequest extends SearchRequest {
  turn?: number | undefined
  windowSize?: number | undefined
  tokenBudget: number
}

export interface RecallResult extends SearchResult {
  rendered: Rendered
  /** Absent without a conversation. */
  coverage: TurnCoverage | undefined
}

/** The memories that a block may contain. */
export interface BlockCandidates extends SearchResult {
  /** The latest memories that pass the gates, including those that do not match the query. */
  all: Memory[]
  /** Query-independent value of a memory, 0…1. */
  salience: (memory: Memory) => number
  queryVector: Float32Array | undefined
  /** Absent without a conversation. */
  coverage: TurnCoverage | undefined
}

export interface RecallOptions {
  records: RecordStore
  embedder: Embedder
  settings?: RankSettings | undefined
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

/** Models rate the importance of a memory from 1 to 5. */
const MAX_IMPORTANCE = 5
/** Candidates that the store returns from each source. */
const MAX_CANDIDATES = 300
/** Memories that a block is selected from, the latest ones. */
const MAX_BLOCK_MEMORIES = 2_000
/** Candidates read at a time, relative to the number of results: some do not pass the gates. */
const READ_AHEAD = 2
/** Largest difference of a local time from UTC. */
const MAX_OFFSET_MS = 14 * 3_600_000

/** A ranking of candidates, whose memories are read as they are needed. */
interface Ranking {
  ranked: readonly Ranked[]
  /** Whether the scope has memories that are not among the candidates. */
  hasMore: boolean
  /** Current memories of the given ids, in this order. */
  read: (ids: readonly string[]) => Promise<readonly Memory[]>
  /** With `asOf`: end of validity by memory, epoch milliseconds. */
  validUntil?: ReadonlyMap<string, number> | undefined
}

/** Ranks the candidates of the store for a query. */
export class Recall {
  readonly #options: RecallOptions
  readonly #now: () => number

  constructor(options: RecallOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  async search(scope: Scope, request: SearchRequest): Promise<SearchResult> {
    const gates = createGates({ ...request, now: request.asOf ?? this.#now() })
    const { result } = await this.#search(scope, request, gates)
    this.#options.onTimings?.('search', result.tookMs, result.degraded)
    return result
  }

  /** Searches all conversations, including turns in the window. */
  async blockCandidates(scope: Scope, request: SearchRequest): Promise<BlockCandidates> {
    const now = this.#now()
    const { conversationId } = request
    const gates = createGates({ ...request, conversationId: undefined, now })
    const { records, onInvalidRecord } = this.#options
    const [latest, { result, vector }] = await Promise.all([
      orUnavailable(readLatestMemories(records, scopeKey(scope), MAX_BLOCK_MEMORIES, onInvalidRecord)),
      this.#search(scope, request, gates),
    ])
    const informative = new Map(latest.map(({ memory, informative }) => [memory.id, informative]))
    const salience = ({ id, importance }: Memory) =>
      importance === null ? (informative.get(id) ?? 0) : importance / MAX_IMPORTANCE
    const memories = latest.map(({ memory }) => memory)
    const isComplete = memories.length < MAX_BLOCK_MEMORIES
    const coverage =
      conversationId === undefined ? undefined : coverageOf(memories, conversationId, now, isComplete)
    const known = new Map(memories.map((memory) => [memory.id, memory]))
    // One object per memory, because the selection compares objects.
    const found = result.found.map((one) => ({ ...one, memory: known.get(one.memory.id) ?? one.memory }))
    const all = memories.filter((memory) => passesAll(gates, memory))
    return { ...result, found, all, salience, queryVector: vector, coverage }
  }

  /**
   * Strategy `per_query`: renders the memories that match the query best, within a token budget. Excludes memories that
   * the window of this conversation shows.
   *
   * @param inPrompt memories that another part of the prompt contains
   */
  async recallPerQuery(
    scope: Scope,
    request: RecallRequest,
    inPrompt: readonly Memory[] = [],
  ): Promise<RecallResult> {
    const { conversationId, turn, windowSize } = request
    const now = this.#now()
    const gates = createGates({ ...request, conversationId: undefined, now })
    if (conversationId !== undefined && turn !== undefined && windowSize !== undefined) {
      gates.push(windowGate(conversationId, turn, windowSize))
    }
    const { result } = await this.#search(scope, request, gates)
    const count = await tokenCounter()
    const started = performance.now()
    const shown = new Set(inPrompt.map(({ id }) => id))
    const others = result.found.map(({ memory }) => memory).filter(({ id }) => !shown.has(id))
    const memories = dropRepeats(others, (memory) => memory, inPrompt)
    const heading = inPrompt.length > 0 ? NO_HEADING : DEFAULT_HEADING
    const rendered = render(memories, request.tokenBudget, count, heading)
    const renderMs = performance.now() - started
    const kept = new Set(rendered.memories)
    const tookMs = { ...result.tookMs, render: renderMs, total: result.tookMs.total + renderMs }
    this.#options.onTimings?.('recall', tookMs, result.degraded)
    const found = result.found.filter(({ memory }) => kept.has(memory))
    // The store sees every memory that was added before it is asked.
    const coverage = conversationId === undefined ? undefined : { at: now }
    return { ...result, found, rendered, tookMs, coverage }
  }

  /** Finds the memories of a scope that are most similar to a text. */
  async findSimilar(
    scope: string,
    { text, dense, limit, accept }: { text: string; dense: Float32Array; limit: number; accept: Predicate },
  ): Promise<Memory[]> {
    const ranking = await this.#rank(scope, analyseQuery(text), { dense, gates: [] })
    const similar: Memory[] = []
    for await (const { memory } of walk(ranking, limit)) {
      if (accept(memory)) similar.push(memory)
      if (similar.length === limit) break
    }
    return similar
  }

  async #search(
    scope: Scope,
    request: SearchRequest,
    gates: readonly Gate[],
  ): Promise<{ result: SearchResult; vector: Float32Array | undefined }> {
    const started = performance.now()
    const { query, topK, threshold, asOf, whyNot } = request
    const key = scopeKey(scope)
    const [dense, now] = await Promise.all([this.embed(key, query), this.#localTimeOf(scope, request)])
    const embedded = performance.now()
    const analysed = analyseQuery(query, now)
    const pushed = gates.filter(({ isRarelyFailed }) => !isRarelyFailed)
    let ranking = await this.#rank(key, analysed, { dense, gates: pushed, asOf })
    let { found, isShort } = await select(ranking, request, gates)
    if (isShort && ranking.hasMore) {
      // Most candidates have expired: the store is asked for others.
      ranking = await this.#rank(key, analysed, { dense, gates, asOf })
      found = (await select(ranking, request, gates)).found
    }
    const absence =
      whyNot &&
      (await explainAbsence(whyNot, new Set(found.map(({ memory }) => memory.id)), {
        ...ranking,
        gates,
        topK,
        threshold,
        whyAbsent: createAbsenceCheck(this.#options.records, key, asOf),
      }))
    const ended = performance.now()
    const result = {
      found,
      whyNot: absence,
      degraded: dense === undefined ? ['embedding'] : [],
      tookMs: { embed: embedded - started, search: ended - embedded, render: 0, total: ended - started },
    }
    return { result, vector: dense }
  }

  /** Wall clock in epoch milliseconds. Reads the rules only for a query in which the time zone matters. */
  async #localTimeOf({ namespace }: Scope, { query, appId, asOf, askedAt }: SearchRequest): Promise<number> {
    const time = askedAt ?? { at: asOf ?? this.#now() }
    if (time.utc_offset !== undefined || !hasRelativeDate(query)) return toWallClock(time)
    // Rules that cannot be read must not fail a recall.
    const zone = await this.#options.timeZoneOf?.(namespace, appId ?? null).catch(() => UTC)
    return toWallClock(inZone(time, zone))
  }

  async #rank(
    scope: string,
    query: Query,
    {
      dense,
      gates,
      asOf,
    }: { dense: Float32Array | undefined; gates: readonly Gate[]; asOf?: number | undefined },
  ): Promise<Ranking> {
    if (asOf !== undefined) return await this.#rankPast(scope, query, dense, asOf)
    const { records, onInvalidRecord } = this.#options
    const found = await orUnavailable(
      records.search(scope, {
        terms: searchTermsOf(query),
        dense,
        where: conditionOf(gates),
        also: rangesOf(query, this.#now()).map(saidWithin),
        limit: MAX_CANDIDATES,
      }),
    )
    return {
      ranked: rank(found.candidates, query, found, this.#options.settings),
      hasMore: found.candidates.length < found.total,
      read: async (ids) => {
        const stored = await orUnavailable(found.read(ids))
        return stored.flatMap((record) => tryRead(record, readMemory, onInvalidRecord)?.memory ?? [])
      },
    }
  }

  /** Past versions are not indexed: all of them are read. */
  async #rankPast(
    scope: string,
    query: Query,
    dense: Float32Array | undefined,
    asOf: number,
  ): Promise<Ranking> {
    const { records, onInvalidRecord } = this.#options
    const past = await orUnavailable(readAsOf(records, scope, asOf, onInvalidRecord))
    const memories = new Map(past.map(({ held: { memory } }) => [memory.id, memory]))
    const entries = await searchEntriesOf([...memories.values()])
    const candidates = past.map(({ held }, i) => ({
      id: held.memory.id,
      search: entries[i] as Candidate['search'],
      similarity: dense && held.dense ? dot(dense, held.dense) : 0,
    }))
    const validUntil = past.flatMap(({ held, validUntil }) =>
      validUntil === null ? [] : [[held.memory.id, validUntil] as const],
    )
    return {
      ranked: rank(candidates, query, { total: candidates.length }, this.#options.settings),
      hasMore: false,
      read: async (ids) => ids.flatMap((id) => memories.get(id) ?? []),
      validUntil: new Map(validUntil),
    }
  }

  /** Returns `undefined` if the embedding is late or fails. */
  async embed(scope: string, query: string): Promise<Float32Array | undefined> {
    const { embedder, embeddingDeadlineMs } = this.#options
    const controller = new AbortController()
    try {
      const embedding = embedder.embed([query], 'query', controller.signal, { scope })
      const vectors = await pTimeout(embedding, {
        milliseconds: embeddingDeadlineMs,
        fallback: () => controller.abort(new Error(`no embedding within ${embeddingDeadlineMs} ms`)),
      })
      return vectors?.[0]?.length ? vectors[0] : undefined
    } catch {
      return undefined
    }
  }
}

/** Yields the ranked memories, best first; those that were removed since the search are left out. */
async function* walk({ ranked, read }: Ranking, topK: number): AsyncGenerator<Ranked & { memory: Memory }> {
  const size = READ_AHEAD * topK
  for (let from = 0; from < ranked.length; from += size) {
    const some = ranked.slice(from, from + size)
    const byId = new Map(some.map((one) => [one.id, one]))
    for (const memory of await read(some.map(({ id }) => id))) {
      yield { ...(byId.get(memory.id) as Ranked), memory }
    }
  }
}

/** The best memories that pass the gates. */
async function select(
  ranking: Ranking,
  { topK, threshold, explain }: SearchRequest,
  gates: readonly Gate[],
): Promise<{ found: Found[]; isShort: boolean }> {
  const found: Found[] = []
  const memoryOf = ({ memory }: Found) => memory
  for await (const { memory, score, parts } of walk(ranking, topK)) {
    if (threshold !== undefined && score < threshold) {
      return { found: dropRepeats(found, memoryOf), isShort: false }
    }
    if (!passesAll(gates, memory)) continue
    const validUntil = ranking.validUntil?.get(memory.id) ?? null
    found.push({ memory, score, parts: explain ? parts : undefined, validUntil })
    if (found.length < topK) continue
    const distinct = dropRepeats(found, memoryOf)
    if (distinct.length === topK) return { found: distinct, isShort: false }
  }
  return { found: dropRepeats(found, memoryOf), isShort: true }
}

async function orUnavailable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (cause) {
    throw new AppError('backend_unavailable', 'The record store did not answer.', { cause })
  }
}

/** The ranges are local times of unknown offset. */
function saidWithin({ from, to }: DateRange): Condition {
  const range = { gte: from - MAX_OFFSET_MS, lt: to + MAX_OFFSET_MS }
  const days = [{ path: ['event_date'], equals: [new Date(from).toISOString().slice(0, 10)] }]
  return { any: [{ path: ['sources', 0, 'at'], range }, ...(to - from > DAY_MS ? [] : days)] }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}
