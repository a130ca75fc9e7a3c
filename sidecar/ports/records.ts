import { setImmediate } from 'node:timers/promises'

/**
 * Kinds of documents: `turns` as posted, current `memories`, their past `versions` and `history`, `conversations`,
 * `calls` by idempotency key, `pending` turns without extraction, the `graph` of entities and relations, `rules` of
 * apps, the `ledger` of external calls, the `timeline` of recalls per conversation, and `meta` about the store itself.
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
 */
export interface RecordStore {
  /** Name for logs: `sqlite`, `qdrant`. */
  readonly kind: string
  commit(writes: readonly Write[]): Promise<void>
  get(collection: Collection, scope: string, id: string): Promise<StoredRecord | undefined>
  scroll(collection: Collection, scope: string, options: ScrollOptions): Promise<StoredRecord[]>
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

/** As `scrollAll`, in pages of at most `limit` records. */
export async function* scrollPages(
  store: RecordStore,
  collection: Collection,
  scope: string,
  { limit = 250, after, direction = 'ascending' }: Partial<ScrollOptions> = {},
): AsyncGenerator<StoredRecord[]> {
  for (;;) {
    const page = await store.scroll(collection, scope, { limit, after, direction })
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
