import pTimeout from 'p-timeout'
import type { Filter, Predicate } from '../memory/model/filters.ts'
import type { Memory } from '../memory/model/memory.ts'
import { type Narrowing, type Scope, scopeKey } from '../memory/model/scope.ts'
import { readLatestMemories } from '../memory/repositories/memories.ts'
import type { Account } from '../ports/language-model.ts'
import { inZone, type LocalTime, toWallClock, UTC } from '../text/local-time.ts'
import { hasRelativeDate } from '../text/relative-dates.ts'
import { isSmallTalk } from '../text/sentences.ts'
import { tokenCounter } from '../text/token-counter.ts'
import { coverageOf, type TurnCoverage } from './blocks/turn-coverage.ts'
import { createGates, type Gate, passesAll, windowGate } from './gates.ts'
import { findGraphHits, type UsedRelation } from './graph-signal.ts'
import { createRanker, type Ranker, walk } from './ranker.ts'
import { analyseQuery } from './ranking/query.ts'
import { countsVectors, DEFAULT_SETTINGS } from './ranking/settings.ts'
import type { RecallOptions, Timings } from './recall-options.ts'
import { DEFAULT_HEADING, NO_HEADING, type Rendered, render } from './render.ts'
import { dropRepeats } from './repeats.ts'
import { rerank } from './rerank.ts'
import { type Found, selectFound } from './select-found.ts'
import { createAbsenceCheck, createMemoryReader, explainAbsence, type WhyNot } from './why-not.ts'

export interface SearchRequest extends Narrowing, Pick<Account, 'turn' | 'arm'> {
  query: string
  topK: number
  /** Minimum score, 0…1. Absent: a query that has nothing to do with any memory answers nothing. */
  threshold?: number | undefined
  filter?: Filter | undefined
  explain?: boolean | undefined
  /** Whether relations of the entities of the query bring memories to the ranking. */
  graph?: boolean | undefined
  /** Ids of memories whose absence from the result is to be explained. */
  whyNot?: readonly string[] | undefined
  /** Searches the memories that were current at this time, epoch milliseconds. */
  asOf?: number | undefined
  /** Aborted when the client has disconnected: no further step starts. */
  signal?: AbortSignal | undefined
  /** When the question is asked; default: `asOf`, else now. Without an offset, the time zone of the app applies. */
  askedAt?: LocalTime | undefined
}

export interface SearchResult {
  found: Found[]
  whyNot?: Record<string, WhyNot> | undefined
  /** With `graph`: the relations that were used. */
  relations?: UsedRelation[] | undefined
  /** Parts that are missing because they were late or failed. */
  degraded: string[]
  tookMs: Timings
}

export interface RecallRequest extends SearchRequest {
  turn?: number | undefined
  windowSize?: number | undefined
  tokenBudget: number
  /** Experiment and arm, for the ledger: `experiment/arm`. */
  arm?: string | undefined
  /**
   * Name of an arm whose answer is only compared. It has separate blocks, and is left out of timeline, metrics and what
   * is known of the turns.
   */
  shadow?: string | undefined
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
  /** Absent without a conversation. */
  coverage: TurnCoverage | undefined
}

/** Models rate the importance of a memory from 1 to 5. */
const MAX_IMPORTANCE = 5
/** Memories that a block is selected from, the latest ones. */
const MAX_BLOCK_MEMORIES = 2_000
/** Result for a query that needs no memory, such as a greeting. */
const NOTHING: SearchResult = {
  found: [],
  degraded: [],
  tookMs: { embed: 0, search: 0, render: 0, total: 0 },
}

/** Ranks the candidates of the store for a query. */
export class Recall {
  readonly #options: RecallOptions
  readonly #now: () => number
  readonly #rank: Ranker
  readonly #countsVectors: boolean

  constructor(options: RecallOptions) {
    this.#countsVectors = countsVectors(options.settings ?? DEFAULT_SETTINGS)
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#rank = createRanker({ ...options, now: this.#now })
  }

  async search(scope: Scope, request: SearchRequest): Promise<SearchResult> {
    const gates = createGates({ ...request, now: request.asOf ?? this.#now() })
    const result = await this.#search(scope, request, gates)
    this.#options.onTimings?.('search', result.tookMs, result.degraded)
    return result
  }

  /**
   * Searches all conversations, including turns in the window.
   *
   * @param withMatches `false` for a block that does not depend on the query: nothing is found
   */
  async blockCandidates(
    scope: Scope,
    request: SearchRequest,
    { withMatches }: { withMatches: boolean },
  ): Promise<BlockCandidates> {
    const now = this.#now()
    const { conversationId } = request
    const gates = createGates({ ...request, conversationId: undefined, now })
    const { records, onInvalidRecord } = this.#options
    const [latest, result] = await Promise.all([
      readLatestMemories(records, scopeKey(scope), MAX_BLOCK_MEMORIES, onInvalidRecord, request.signal),
      // A block is not only for this query.
      withMatches ? this.#search(scope, { ...request, threshold: 0 }, gates) : NOTHING,
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
    return { ...result, found, all, salience, coverage }
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
    const result = await this.#search(scope, request, gates)
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
    if (request.shadow === undefined) this.#options.onTimings?.('recall', tookMs, result.degraded)
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
    const ranking = await this.#rank(scope, { query: analyseQuery(text), dense, gates: [], topK: limit })
    const similar: Memory[] = []
    for await (const { memory } of walk(ranking, limit)) {
      if (accept(memory)) similar.push(memory)
      if (similar.length === limit) break
    }
    return similar
  }

  async #search(scope: Scope, request: SearchRequest, gates: readonly Gate[]): Promise<SearchResult> {
    const started = performance.now()
    const { query, topK, threshold, asOf, whyNot, signal } = request
    const key = scopeKey(scope)
    if (threshold === undefined && whyNot === undefined && isSmallTalk(query)) return NOTHING
    const isNeural = this.#countsVectors
    const embed = async () => await this.embed({ ...request, scope: key })
    const [vector, now, hits] = await Promise.all([
      isNeural ? embed() : undefined,
      this.#localTimeOf(scope, request),
      this.#findGraphHits(key, request),
    ])
    signal?.throwIfAborted()
    const embedded = performance.now()
    const analysed = analyseQuery(query, now)
    const pushed = gates.filter(({ isRarelyFailed }) => !isRarelyFailed)
    const degraded = isNeural && vector === undefined ? ['embedding'] : []
    if (hits === 'unavailable') degraded.push('graph')
    const rank = async (checked: readonly Gate[], dense: Float32Array | undefined) => {
      const ranking = await this.#rank(key, {
        ...{ query: analysed, dense, gates: checked, topK, asOf, signal },
        hits: hits === 'unavailable' ? undefined : hits,
      })
      const { reranker } = this.#options
      if (!reranker) return ranking
      const reranked = await rerank(ranking, query, key, reranker, signal)
      if (!reranked) degraded.push('reranker')
      return reranked ?? ranking
    }
    let ranking = await rank(pushed, vector)
    let { found, isShort } = await selectFound(ranking, request, gates)
    if (ranking.hasMore && (isShort || (!isNeural && !ranking.isRelevant))) {
      // The store is asked for others: most candidates have expired, or too few share a word with the query. The vectors of
      // the lexical embedder find parts of words.
      ranking = await rank(isShort ? gates : pushed, isNeural ? vector : await embed())
      found = (await selectFound(ranking, request, gates)).found
    }
    signal?.throwIfAborted()
    const absence =
      whyNot &&
      (await explainAbsence(whyNot, new Set(found.map(({ memory }) => memory.id)), {
        ...ranking,
        ...(asOf === undefined && { read: createMemoryReader(this.#options.records, key) }),
        gates,
        topK,
        threshold,
        whyAbsent: createAbsenceCheck(this.#options.records, key, asOf),
      }))
    const ended = performance.now()
    return {
      found,
      whyNot: absence,
      relations: typeof hits === 'object' ? hits.relations : undefined,
      degraded: [...new Set(degraded)],
      tookMs: { embed: embedded - started, search: ended - embedded, render: 0, total: ended - started },
    }
  }

  /** A graph that cannot be read must not fail a recall. */
  async #findGraphHits(scope: string, { graph, query, asOf, signal }: SearchRequest) {
    const { graphs } = this.#options
    if (!graph || !graphs) return undefined
    try {
      return findGraphHits((await graphs.read(scope, signal)).graph, query, asOf)
    } catch {
      return 'unavailable' as const
    }
  }

  /** Wall clock in epoch milliseconds. Reads the rules only for a query in which the time zone matters. */
  async #localTimeOf({ namespace }: Scope, { query, appId, asOf, askedAt }: SearchRequest): Promise<number> {
    const time = askedAt ?? { at: asOf ?? this.#now() }
    if (time.utc_offset !== undefined || !hasRelativeDate(query)) return toWallClock(time)
    // Rules that cannot be read must not fail a recall.
    const zone = await this.#options.timeZoneOf?.(namespace, appId ?? null).catch(() => UTC)
    return toWallClock(inZone(time, zone))
  }

  /** Returns `undefined` if the embedding is late or fails. */
  async embed({
    query,
    scope,
    conversationId,
    turn,
    arm,
    signal,
  }: Account & { query: string; signal?: AbortSignal | undefined }) {
    const { embedder, embeddingDeadlineMs } = this.#options
    const controller = new AbortController()
    const stopped = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal
    try {
      const account = { scope, conversationId, turn, arm }
      const embedding = embedder.embed([query], 'query', stopped, account)
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
