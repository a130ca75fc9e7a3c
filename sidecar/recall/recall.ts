import { AppError } from '../errors.ts'
import { asOf } from '../memory/as-of.ts'
import type { Predicate } from '../memory/filters.ts'
import type { Memory } from '../memory/memory.ts'
import type { OnInvalidRecord } from '../memory/repositories/record.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { RecordStore } from '../ports/records.ts'
import { type Narrowing, type Scope, scopeKey } from '../scope.ts'
import type { Knowledge } from '../window/knowledge.ts'
import { type Gate, gatesOf, passesAll, windowGate } from './gates.ts'
import { Knowing } from './knowing.ts'
import { HEAD, NO_HEAD, type Rendered, render } from './render.ts'
import { buildSnapshot, type Snapshot } from './snapshot.ts'
import type { Snapshots } from './snapshots.ts'
import { tokenCounter } from './tokens.ts'
import { absentFrom, type WhyNot, whyNot } from './why-not.ts'

export interface SearchRequest extends Narrowing {
  query: string
  topK: number
  /** Lowest score that is answered. */
  threshold?: number | undefined
  filter?: Predicate | undefined
  explain?: boolean | undefined
  /** Memories to say of why they are not among the answers. */
  whyNot?: readonly string[] | undefined
  /** Epoch milliseconds: what held at this moment, in the words of then. */
  asOf?: number | undefined
}

export interface Found {
  memory: Memory
  score: number
  parts?: Record<string, number> | undefined
  /** When this version stopped to hold, under `asOf`. */
  validUntil: number | null
}

export interface Timings {
  /** Milliseconds. */
  embed: number
  search: number
  render: number
  total: number
}

export interface SearchResult {
  found: Found[]
  whyNot?: Record<string, WhyNot> | undefined
  /** Parts that were late or broken, and done without. */
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
  /** What of the conversation could be found; absent where none was named. */
  known: Knowledge | undefined
}

/** What a block can be put together from. */
export interface Survey extends SearchResult {
  /** Everything that may be recalled, whether the query finds it or not. */
  all: Memory[]
  /** How much each of them is worth to know, 0…1, whatever is asked. */
  worth: (memory: Memory) => number
  vector: Float32Array | undefined
  /** What of the conversation could be found; absent where none was named. */
  known: Knowledge | undefined
}

export interface RecallOptions {
  records: RecordStore
  snapshots: Snapshots
  embedder: Embedder
  /** How long the query embedding may take, milliseconds; past it the lexical ranking stands. */
  embeddingDeadlineMs: number
  onInvalidRecord?: OnInvalidRecord | undefined
  /** Epoch milliseconds; what "last week" in a query is relative to. */
  now?: () => number
  /** Told what each reading took, and what it did without. */
  onTimings?: (kind: 'recall' | 'search', tookMs: Timings, degraded: readonly string[]) => void
}

/** What a model judges a memory to be worth begins at 1 and ends here. */
const MAX_IMPORTANCE = 5

/** The reading side of memory: ranks the snapshot of a scope for a query. */
export class Recall {
  readonly #options: RecallOptions
  readonly #now: () => number
  readonly #knowing = new Knowing()

  constructor(options: RecallOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  async search(scope: Scope, request: SearchRequest): Promise<SearchResult> {
    const gates = gatesOf({ ...request, now: request.asOf ?? this.#now() })
    const { result } = await this.#search(scope, request, gates)
    this.#options.onTimings?.('search', result.tookMs, result.degraded)
    return result
  }

  /** The best for a query, and all the rest: whatever the window shows, of whichever conversation. */
  async survey(scope: Scope, request: SearchRequest): Promise<Survey> {
    const now = this.#now()
    const gates = gatesOf({ ...request, conversationId: undefined, now })
    const { result, snapshot, vector } = await this.#search(scope, request, gates)
    const all = [...snapshot.memories.values()].filter((memory) => passesAll(gates, memory))
    const worth = ({ id, importance }: Memory) =>
      importance === null ? snapshot.index.informative(id) : importance / MAX_IMPORTANCE
    return { ...result, all, worth, vector, known: this.#known(snapshot, request, now) }
  }

  /** The vector of a query, or `undefined` when the embedder is late or broken. */
  async embed(scope: Scope, query: string): Promise<Float32Array | undefined> {
    return await this.#embed(query, scopeKey(scope))
  }

  /**
   * Strategy `per_query`: the memories that answer this query best, rendered into a budget. What the window of
   * this conversation shows anyway is not repeated, and neither is what is `held` elsewhere in the prompt.
   */
  async perQuery(
    scope: Scope,
    request: RecallRequest,
    held: ReadonlySet<string> = new Set(),
  ): Promise<RecallResult> {
    const { conversationId, turn, windowSize } = request
    const now = this.#now()
    const gates = gatesOf({ ...request, conversationId: undefined, now })
    if (conversationId !== undefined && turn !== undefined && windowSize !== undefined) {
      gates.push(windowGate(conversationId, turn, windowSize))
    }
    const { result, snapshot } = await this.#search(scope, request, gates)
    const known = this.#known(snapshot, request, now)
    const count = await tokenCounter()
    const started = performance.now()
    const memories = result.found.map(({ memory }) => memory).filter(({ id }) => !held.has(id))
    // What is held elsewhere has told what memories are.
    const rendered = render(memories, request.tokenBudget, count, held.size > 0 ? NO_HEAD : HEAD)
    const took = performance.now() - started
    const kept = new Set(rendered.memories)
    const tookMs = { ...result.tookMs, render: took, total: result.tookMs.total + took }
    this.#options.onTimings?.('recall', tookMs, result.degraded)
    const found = result.found.filter(({ memory }) => kept.has(memory))
    return { ...result, found, rendered, tookMs, known }
  }

  #known(snapshot: Snapshot, { conversationId }: SearchRequest, at: number): Knowledge | undefined {
    return conversationId === undefined ? undefined : this.#knowing.of(snapshot, conversationId, at)
  }

  /** The memories of a scope most like a text, for those who learn from turns. */
  async neighbours(
    key: string,
    query: { text: string; dense: Float32Array; limit: number; accept: Predicate },
  ): Promise<Memory[]> {
    const { index, memories } = await this.#snapshot(key, undefined)
    const ranked = index.rank(query.text, {
      limit: query.limit,
      dense: query.dense,
      accept: (id) => {
        const memory = memories.get(id)
        return memory !== undefined && query.accept(memory)
      },
    })
    return ranked.map(({ id }) => memories.get(id) as Memory)
  }

  async #search(
    scope: Scope,
    request: SearchRequest,
    gates: readonly Gate[],
  ): Promise<{ result: SearchResult; snapshot: Snapshot; vector: Float32Array | undefined }> {
    const started = performance.now()
    const { query, topK, threshold, explain } = request
    const key = scopeKey(scope)
    const [snapshot, dense] = await Promise.all([this.#snapshot(key, request.asOf), this.#embed(query, key)])
    const embedded = performance.now()
    const rank = (limit: number) =>
      snapshot.index.rank(query, {
        limit,
        now: request.asOf ?? this.#now(),
        ...(dense === undefined ? {} : { dense }),
        ...(explain === undefined ? {} : { explain }),
        accept: (id) => {
          const memory = snapshot.memories.get(id)
          return memory !== undefined && passesAll(gates, memory)
        },
      })
    const found = rank(topK)
      .filter(({ score }) => threshold === undefined || score >= threshold)
      .map(({ id, score, parts }): Found => {
        const validUntil = snapshot.validUntil?.get(id) ?? null
        return { memory: snapshot.memories.get(id) as Memory, score, parts, validUntil }
      })
    const reasons =
      request.whyNot &&
      (await whyNot(request.whyNot, new Set(found.map(({ memory }) => memory.id)), {
        memories: snapshot.memories,
        gates,
        topK,
        threshold,
        rankAll: () => rank(snapshot.memories.size),
        past: absentFrom(this.#options.records, key, request.asOf),
      }))
    const ended = performance.now()
    const result = {
      found,
      whyNot: reasons,
      degraded: [...(snapshot.degraded ?? []), ...(dense === undefined ? ['embedding'] : [])],
      tookMs: { embed: embedded - started, search: ended - embedded, render: 0, total: ended - started },
    }
    return { result, snapshot, vector: dense }
  }

  async #snapshot(key: string, moment: number | undefined): Promise<Snapshot> {
    const { snapshots, records } = this.#options
    try {
      if (moment === undefined) return await snapshots.get(key)
      return await buildSnapshot(await asOf(records, key, moment, this.#options.onInvalidRecord))
    } catch (cause) {
      throw new AppError('backend_unavailable', 'The record store did not answer.', { cause })
    }
  }

  /** The query's vector, or `undefined` when the embedder is late or broken. */
  async #embed(query: string, scope: string): Promise<Float32Array | undefined> {
    const { embedder, embeddingDeadlineMs } = this.#options
    const controller = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        controller.abort(new Error(`no embedding within ${embeddingDeadlineMs} ms`))
        resolve(undefined)
      }, embeddingDeadlineMs)
    })
    try {
      const vectors = await Promise.race([
        embedder.embed([query], 'query', controller.signal, { scope }),
        late,
      ])
      return vectors?.[0]
    } catch {
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }
}
