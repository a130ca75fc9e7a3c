import pTimeout from 'p-timeout'
import { asOf as readAsOf } from '../memory/engine/as-of.ts'
import type { Predicate } from '../memory/model/filters.ts'
import type { Memory } from '../memory/model/memory.ts'
import { type Narrowing, type Scope, scopeKey } from '../memory/model/scope.ts'
import type { OnInvalidRecord } from '../memory/repositories/record.ts'
import type { Embedder } from '../ports/embedder.ts'
import { AppError } from '../ports/errors.ts'
import type { RecordStore } from '../ports/records.ts'
import { tokenCounter } from '../text/token-counter.ts'
import { coverageOf, type TurnCoverage } from './blocks/turn-coverage.ts'
import { createGates, type Gate, passesAll, windowGate } from './gates.ts'
import { DEFAULT_HEADING, NO_HEADING, type Rendered, render } from './render.ts'
import { buildSnapshot, type Snapshot } from './snapshot.ts'
import type { Snapshots } from './snapshots.ts'
import { createAbsenceCheck, explainAbsence, type WhyNot } from './why-not.ts'

export interface SearchRequest extends Narrowing {
  query: string
  topK: number
  /** Minimum score. */
  threshold?: number | undefined
  filter?: Predicate | undefined
  explain?: boolean | undefined
  /** Ids of memories whose absence from the result is to be explained. */
  whyNot?: readonly string[] | undefined
  /** Searches the memories that were current at this time, epoch milliseconds. */
  asOf?: number | undefined
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
  /** All memories that pass the gates, including those that do not match the query. */
  all: Memory[]
  /** Query-independent value of a memory, 0…1. */
  salience: (memory: Memory) => number
  queryVector: Float32Array | undefined
  /** Absent without a conversation. */
  coverage: TurnCoverage | undefined
}

export interface RecallOptions {
  records: RecordStore
  snapshots: Snapshots
  embedder: Embedder
  /** Maximum milliseconds of the query embedding. After it, the ranking is lexical. */
  embeddingDeadlineMs: number
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Epoch milliseconds; "last week" in a query is relative to it. */
  now?: () => number
  /** Called with the duration of each read and its missing parts. */
  onTimings?: (kind: 'recall' | 'search', tookMs: Timings, degraded: readonly string[]) => void
}

/** Models rate the importance of a memory from 1 to 5. */
const MAX_IMPORTANCE = 5

/** Ranks the snapshot of a scope for a query. */
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
    const gates = createGates({ ...request, conversationId: undefined, now })
    const { result, snapshot, vector } = await this.#search(scope, request, gates)
    const all = [...snapshot.memories.values()].filter((memory) => passesAll(gates, memory))
    const salience = ({ id, importance }: Memory) =>
      importance === null ? snapshot.index.informativeness(id) : importance / MAX_IMPORTANCE
    return { ...result, all, salience, queryVector: vector, coverage: toCoverage(snapshot, request, now) }
  }

  /**
   * Strategy `per_query`: renders the memories that match the query best, within a token budget. Excludes memories that
   * the window of this conversation shows.
   *
   * @param inPrompt ids of memories that another part of the prompt contains
   */
  async recallPerQuery(
    scope: Scope,
    request: RecallRequest,
    inPrompt: ReadonlySet<string> = new Set(),
  ): Promise<RecallResult> {
    const { conversationId, turn, windowSize } = request
    const now = this.#now()
    const gates = createGates({ ...request, conversationId: undefined, now })
    if (conversationId !== undefined && turn !== undefined && windowSize !== undefined) {
      gates.push(windowGate(conversationId, turn, windowSize))
    }
    const { result, snapshot } = await this.#search(scope, request, gates)
    const coverage = toCoverage(snapshot, request, now)
    const count = await tokenCounter()
    const started = performance.now()
    const memories = result.found.map(({ memory }) => memory).filter(({ id }) => !inPrompt.has(id))
    const heading = inPrompt.size > 0 ? NO_HEADING : DEFAULT_HEADING
    const rendered = render(memories, request.tokenBudget, count, heading)
    const renderMs = performance.now() - started
    const kept = new Set(rendered.memories)
    const tookMs = { ...result.tookMs, render: renderMs, total: result.tookMs.total + renderMs }
    this.#options.onTimings?.('recall', tookMs, result.degraded)
    const found = result.found.filter(({ memory }) => kept.has(memory))
    return { ...result, found, rendered, tookMs, coverage }
  }

  /** Finds the memories of a scope that are most similar to a text. */
  async findSimilar(
    scope: string,
    { text, dense, limit, accept }: { text: string; dense: Float32Array; limit: number; accept: Predicate },
  ): Promise<Memory[]> {
    const snapshot = await this.#snapshot(scope, undefined)
    const ranked = snapshot.index.rank(text, { limit, dense, accept: accepts(snapshot, accept) })
    return ranked.map(({ id }) => snapshot.memories.get(id) as Memory)
  }

  async #search(
    scope: Scope,
    request: SearchRequest,
    gates: readonly Gate[],
  ): Promise<{ result: SearchResult; snapshot: Snapshot; vector: Float32Array | undefined }> {
    const started = performance.now()
    const { query, topK, threshold, explain } = request
    const key = scopeKey(scope)
    const [snapshot, dense] = await Promise.all([this.#snapshot(key, request.asOf), this.embed(key, query)])
    const embedded = performance.now()
    const now = request.asOf ?? this.#now()
    const accept = accepts(snapshot, (memory) => passesAll(gates, memory))
    const rank = (limit: number) => snapshot.index.rank(query, { limit, now, dense, explain, accept })
    const found = rank(topK)
      .filter(({ score }) => threshold === undefined || score >= threshold)
      .map(({ id, score, parts }): Found => {
        const validUntil = snapshot.validUntil?.get(id) ?? null
        return { memory: snapshot.memories.get(id) as Memory, score, parts, validUntil }
      })
    const whyNot =
      request.whyNot &&
      (await explainAbsence(request.whyNot, new Set(found.map(({ memory }) => memory.id)), {
        memories: snapshot.memories,
        gates,
        topK,
        threshold,
        rankAll: () => rank(snapshot.memories.size),
        whyAbsent: createAbsenceCheck(this.#options.records, key, request.asOf),
      }))
    const ended = performance.now()
    const result = {
      found,
      whyNot,
      degraded: [...(snapshot.degraded ?? []), ...(dense === undefined ? ['embedding'] : [])],
      tookMs: { embed: embedded - started, search: ended - embedded, render: 0, total: ended - started },
    }
    return { result, snapshot, vector: dense }
  }

  async #snapshot(scope: string, asOf: number | undefined): Promise<Snapshot> {
    const { snapshots, records, onInvalidRecord } = this.#options
    try {
      if (asOf === undefined) return await snapshots.get(scope)
      const past = await readAsOf(records, scope, asOf, onInvalidRecord)
      const validUntil = past.flatMap(({ held, validUntil }) =>
        validUntil === null ? [] : [[held.memory.id, validUntil] as const],
      )
      return { ...(await buildSnapshot(past.map(({ held }) => held))), validUntil: new Map(validUntil) }
    } catch (cause) {
      throw new AppError('backend_unavailable', 'The record store did not answer.', { cause })
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

function accepts({ memories }: Snapshot, predicate: Predicate): (id: string) => boolean {
  return (id) => {
    const memory = memories.get(id)
    return memory !== undefined && predicate(memory)
  }
}

function toCoverage(
  { memories }: Snapshot,
  { conversationId }: SearchRequest,
  at: number,
): TurnCoverage | undefined {
  return conversationId === undefined ? undefined : coverageOf(memories.values(), conversationId, at)
}
