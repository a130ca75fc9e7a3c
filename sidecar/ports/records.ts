import { setImmediate } from 'node:timers/promises'

/**
 * Kinds of documents: `turns` as posted, current `memories`, their past `versions` and `history`, `conversations`,
 * `calls` by idempotency key, `pending` turns without extraction, the `graph` of an earlier version (entities and relations are part of the memories), `rules` of
 * apps, the `ledger` of external calls, the `timeline` of recalls per conversation, `meta` about the store itself, and
 * `experiments` with their units.
 * Migrations copy them in this order, which must not change.
 */
export const COLLECTIONS = [
  'turns',
  'timeline',
  'memories',
  'versions',
  'history',
  'conversations',
  'calls',
  'pending',
  'graph',
  'rules',
  'ledger',
  'meta',
  'experiments',
] as const

export type Collection = (typeof COLLECTIONS)[number]

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

export interface StoredRecord {
  id: string
  /** Sort key of `scroll`: a safe integer ≥ 0, by convention epoch microseconds. Ties are sorted by id. */
  order: number
  payload: JsonObject
  /** L2-normalised embedding of the text. */
  dense?: Float32Array | undefined
  /** Only of `memories`. `search` does not find a record without it. */
  search?: SearchEntry | undefined
}

/** What a record is searched and ranked by. */
export interface SearchEntry {
  /** Hashes of the terms of its text, in order, one per occurrence. */
  terms: Uint32Array
  /** Hashes of the terms of the text said just before it. */
  context: Uint32Array
  /** Hashes of the character n-grams of its text, one per occurrence. The store returns them and does not read them. */
  grams: Uint16Array
  /** Values for the ranking; the store returns them unchanged and does not read them. */
  features: JsonObject
}

/**
 * A condition on the payload of a record. A path names a property by its keys; a number is an index into an array.
 * Where a path without a number meets an array, each element is tried, and one that meets the test is enough. Values are
 * compared without conversion: two numbers, or two strings by UTF-16 code units.
 */
export type Condition =
  | { all: readonly Condition[] }
  | { any: readonly Condition[] }
  | { not: Condition }
  | { path: Path; equals: readonly (string | number | boolean)[] }
  | { path: Path; range: Partial<Record<'gt' | 'gte' | 'lt' | 'lte', number | string>> }
  /** A string that contains the text, or an array that has it as an element. */
  | { path: Path; contains: string | number | boolean }
  /** Neither absent nor null. */
  | { path: Path; exists: true }

export type Path = readonly (string | number)[]

export interface SearchQuery {
  /** Weights above 0 by term hash, at most `MAX_QUERY_TERMS`. */
  terms: ReadonlyMap<number, number>
  /** L2-normalised embedding of the query. */
  dense?: Float32Array | undefined
  /** Only records that meet it are returned. */
  where?: Condition | undefined
  /** The latest records that meet one of these conditions (and `where`) are candidates as well. */
  also?: readonly Condition[] | undefined
  /** Maximum number of candidates from each of: terms, `dense`, `also`. */
  limit: number
  /**
   * In a scope with more records than `limit`: the record before and the one after each of so many of the best
   * candidates by terms, by `dense` and by `also`, in the order of `scroll`, are candidates as well if they meet `where`.
   */
  neighbours?: number | undefined
}

export const MAX_QUERY_TERMS = 64

export interface Candidate {
  id: string
  order: number
  search: SearchEntry
  /** Dot product of the embeddings of query and record; 0 where one of them is absent. */
  similarity: number
}

export interface SearchResult {
  /** Each record once, in no particular order. */
  candidates: Candidate[]
  /** Number of searchable records in the scope, those that fail `where` included. */
  total: number
  /** Number of records of the scope with each query term, where the store knows it or can estimate it from a sample. */
  frequencies?: ReadonlyMap<number, number> | undefined
  /**
   * Reads candidates by id, in the given order, at the time of the search or later: those that were removed meanwhile may
   * be left out. The records may lack their embeddings.
   */
  read(ids: readonly string[]): Promise<StoredRecord[]>
}

export type Write =
  | { put: StoredRecord; collection: Collection; scope: string }
  | { remove: string; collection: Collection; scope: string }

/** Cursor of a scroll: the next page starts after this record, in the direction of the scroll. */
export interface Position {
  order: number
  id: string
}

export interface ScrollOptions {
  limit: number
  after?: Position | undefined
  direction?: 'ascending' | 'descending' | undefined
  /** `false`: the records may lack their embeddings. @default true */
  withVectors?: boolean | undefined
  /** Once aborted, the read may be dropped; it then rejects with the reason. */
  signal?: AbortSignal | undefined
}

/**
 * Documents by collection and scope.
 *
 * The contract suite checks for every adapter:
 * - `commit` is atomic and keeps the order of its writes. Once it resolves, the writes survive `kill -9`, and every
 *   later read sees them.
 * - A record is only reachable through its own scope: the same id in two scopes is two records.
 * - `put` of an existing id replaces payload, embedding and order. Removing an absent record is no error.
 * - `scroll` visits each record once, by `order` and then id, also during concurrent writes.
 * - `search` answers every record of the scope that meets `where` if the scope has at most `limit` searchable records.
 *   Otherwise it answers the best ones by terms, by embedding and by `also`; terms that are rare in the scope count more.
 *   It sees every commit that has resolved.
 */
export interface RecordStore {
  /** Name for logs: `sqlite`, `qdrant`. */
  readonly kind: string
  commit(writes: readonly Write[]): Promise<void>
  get(collection: Collection, scope: string, id: string): Promise<StoredRecord | undefined>
  /** As `get`, for several records of a scope, in their order. Absent: a `get` costs no network request. */
  getMany?(
    scope: string,
    reads: readonly { collection: Collection; id: string }[],
  ): Promise<(StoredRecord | undefined)[]>
  scroll(collection: Collection, scope: string, options: ScrollOptions): Promise<StoredRecord[]>
  /**
   * Candidates among the `memories` of a scope, for a ranking.
   * @param signal once it is aborted, the search and the reads of its candidates may be dropped
   */
  search(scope: string, query: SearchQuery, signal?: AbortSignal): Promise<SearchResult>
  /** Scopes with records of a collection, sorted by UTF-16 code units, without `after` itself. */
  scopes(collection: Collection, options: { after?: string | undefined; limit: number }): Promise<string[]>
  /**
   * Completes commits that other processes left half done in a scope, oldest first; waits for processes that may still
   * be alive. The caller holds the lock of the scope. Absent: commits are never left half done.
   */
  recover?(scope: string): Promise<void>
  /** Whether all commits of this process to a scope are complete. Absent: they are when `commit` resolves. */
  isFinished?(scope: string): boolean
  /** Present if the store keeps the vectors of each embedder separately. */
  readonly generations?: Generations
  /** Rejects with the reason if the store is unavailable. */
  check(): Promise<void>
  close(): Promise<void>
}

/** A store serves the records of the embedder that it was opened with. */
export interface Generations {
  /** Makes this embedder's records the current ones. */
  adopt(): Promise<void>
  /** Erases the records of all other embedders; returns the number of those embedders. */
  dropOthers(): Promise<number>
}

/** Every record of a scope, ascending by default. */
export async function* scrollAll(...args: Parameters<typeof scrollPages>): AsyncGenerator<StoredRecord> {
  for await (const page of scrollPages(...args)) yield* page
}

/** As `scrollAll`, in pages of at most `limit` records. No page is read once `signal` is aborted. */
export async function* scrollPages(
  store: RecordStore,
  collection: Collection,
  scope: string,
  { limit = 250, after, ...options }: Partial<ScrollOptions> = {},
): AsyncGenerator<StoredRecord[]> {
  for (;;) {
    options.signal?.throwIfAborted()
    const page = await store.scroll(collection, scope, { ...options, limit, after })
    yield page
    const last = page.at(-1)
    if (!last || page.length < limit) return
    // An embedded store answers synchronously: without this, a long scroll would block the event loop.
    await setImmediate()
    after = { order: last.order, id: last.id }
  }
}

const SCOPES_PAGE = 1000

/** Every scope that has records of a collection, in their order. */
export async function* scopesOf(
  store: RecordStore,
  collection: Collection,
  after = '',
): AsyncGenerator<string> {
  for (;;) {
    const page = await store.scopes(collection, { after, limit: SCOPES_PAGE })
    yield* page
    if (page.length < SCOPES_PAGE) return
    after = page.at(-1) as string
  }
}
