import { AppError } from '../errors.ts'
import type { Predicate } from '../memory/filters.ts'
import type { Memory } from '../memory/memory.ts'
import type { Embedder } from '../ports/embedder.ts'
import { type Narrowing, type Scope, scopeKey } from '../scope.ts'
import { isInWindow } from '../window/rule.ts'
import { type Rendered, render } from './render.ts'
import type { Snapshots } from './snapshots.ts'
import { tokenCounter } from './tokens.ts'

export interface SearchRequest extends Narrowing {
  query: string
  topK: number
  /** Lowest score that is answered. */
  threshold?: number | undefined
  filter?: Predicate | undefined
  explain?: boolean | undefined
}

export interface Found {
  memory: Memory
  score: number
  parts?: Record<string, number> | undefined
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
}

export interface RecallOptions {
  snapshots: Snapshots
  embedder: Embedder
  /** How long the query embedding may take, milliseconds; past it the lexical ranking stands. */
  embeddingDeadlineMs: number
  /** Epoch milliseconds; what "last week" in a query is relative to. */
  now?: () => number
}

/** The reading side of memory: ranks the snapshot of a scope for a query. */
export class Recall {
  readonly #snapshots: Snapshots
  readonly #embedder: Embedder
  readonly #deadlineMs: number
  readonly #now: () => number

  constructor({ snapshots, embedder, embeddingDeadlineMs, now = Date.now }: RecallOptions) {
    this.#snapshots = snapshots
    this.#embedder = embedder
    this.#deadlineMs = embeddingDeadlineMs
    this.#now = now
  }

  async search(scope: Scope, request: SearchRequest): Promise<SearchResult> {
    return await this.#search(scope, request, narrowedBy(request))
  }

  /**
   * Strategy `per_query`: the memories that answer this query best, rendered into a budget. What the window of
   * this conversation shows anyway is not repeated.
   */
  async perQuery(scope: Scope, request: RecallRequest): Promise<RecallResult> {
    const { conversationId, turn, windowSize } = request
    const narrowed = narrowedBy({ ...request, conversationId: undefined })
    const accept: Predicate =
      conversationId === undefined || turn === undefined || windowSize === undefined
        ? narrowed
        : (memory) =>
            narrowed(memory) &&
            !memory.sources.every(
              (source) =>
                source.conversation_id === conversationId &&
                source.turn !== null &&
                isInWindow(source.turn, turn, windowSize),
            )
    const result = await this.#search(scope, request, accept)
    const count = await tokenCounter()
    const started = performance.now()
    const rendered = render(
      result.found.map(({ memory }) => memory),
      request.tokenBudget,
      count,
    )
    const took = performance.now() - started
    const kept = new Set(rendered.memories)
    return {
      ...result,
      found: result.found.filter(({ memory }) => kept.has(memory)),
      rendered,
      tookMs: { ...result.tookMs, render: took, total: result.tookMs.total + took },
    }
  }

  async #search(scope: Scope, request: SearchRequest, accept: Predicate): Promise<SearchResult> {
    const started = performance.now()
    const { query, topK, threshold, explain } = request
    const [snapshot, dense] = await Promise.all([this.#snapshot(scope), this.#embed(query)])
    const embedded = performance.now()
    const ranked = snapshot.index.rank(query, {
      limit: topK,
      now: this.#now(),
      ...(dense === undefined ? {} : { dense }),
      ...(explain === undefined ? {} : { explain }),
      accept: (id) => {
        const memory = snapshot.memories.get(id)
        return memory !== undefined && accept(memory)
      },
    })
    const found = ranked
      .filter(({ score }) => threshold === undefined || score >= threshold)
      .map(({ id, score, parts }): Found => ({ memory: snapshot.memories.get(id) as Memory, score, parts }))
    const ended = performance.now()
    return {
      found,
      degraded: dense === undefined ? ['embedding'] : [],
      tookMs: { embed: embedded - started, search: ended - embedded, render: 0, total: ended - started },
    }
  }

  async #snapshot(scope: Scope) {
    try {
      return await this.#snapshots.get(scopeKey(scope))
    } catch (cause) {
      throw new AppError('backend_unavailable', 'The record store did not answer.', { cause })
    }
  }

  /** The query's vector, or `undefined` when the embedder is late or broken. */
  async #embed(query: string): Promise<Float32Array | undefined> {
    const controller = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        controller.abort(new Error(`no embedding within ${this.#deadlineMs} ms`))
        resolve(undefined)
      }, this.#deadlineMs)
    })
    try {
      const vectors = await Promise.race([this.#embedder.embed([query], 'query', controller.signal), late])
      return vectors?.[0]
    } catch {
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }
}

function narrowedBy({
  agentId,
  runId,
  appId,
  conversationId,
  filter,
}: Narrowing & { filter?: Predicate | undefined }) {
  return (memory: Memory): boolean =>
    (agentId === undefined || memory.agent_id === agentId) &&
    (runId === undefined || memory.run_id === runId) &&
    (appId === undefined || memory.app_id === appId) &&
    (conversationId === undefined ||
      memory.sources.some((source) => source.conversation_id === conversationId)) &&
    (filter === undefined || filter(memory))
}
