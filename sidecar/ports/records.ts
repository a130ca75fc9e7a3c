/**
 * The kinds of documents that the engine keeps: `turns` as they were said, `memories` as they stand, their past
 * `versions` and `history`, `conversations`, `calls` by idempotency key, `pending` scopes with turns to be learned
 * from, `graph` of entities and relations, `rules` of apps, the `ledger` of external calls, and `meta`: what the store itself is.
 */
export type Collection =
  | 'turns'
  | 'memories'
  | 'versions'
  | 'history'
  | 'conversations'
  | 'calls'
  | 'pending'
  | 'graph'
  | 'rules'
  | 'ledger'
  | 'meta'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

export interface StoredRecord {
  id: string
  /** Where the record stands when a scope is scrolled: a safe integer ≥ 0, by habit epoch microseconds. Ties go by id. */
  order: number
  payload: JsonObject
  /** L2-normalised embedding, for records that can be searched. */
  dense?: Float32Array | undefined
}

export type Write =
  | { put: StoredRecord; collection: Collection; scope: string }
  | { remove: string; collection: Collection; scope: string }

/** A place in a scroll: the record after which (in the direction of the scroll) the next page begins. */
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
 * What every adapter promises, and the contract suite checks:
 * - `commit` takes effect whole or not at all, in the order given; once it has resolved, the writes survive the
 *   death of the process (`kill -9`), and every later read sees them.
 * - A record is only ever reached through its own scope: the same id in two scopes is two records.
 * - `put` of an existing id replaces payload, embedding and order. Removing what is not there is no error.
 * - `scroll` visits each record once, by `order` and then id, also while others are being written.
 */
export interface RecordStore {
  /** For people: `sqlite`, `qdrant`. */
  readonly kind: string
  commit(writes: readonly Write[]): Promise<void>
  get(collection: Collection, scope: string, id: string): Promise<StoredRecord | undefined>
  scroll(collection: Collection, scope: string, options: ScrollOptions): Promise<StoredRecord[]>
  /** The scopes that have records of a collection, each once, in order of their code units; `after` is not among them. */
  scopes(collection: Collection, options: { after?: string | undefined; limit: number }): Promise<string[]>
  /**
   * Where several processes write: finishes what another one left of a scope in the middle of a commit, so that no part
   * of it takes effect later. Called by whoever holds the lock of the scope, before anything is read or written there;
   * the other process is dead, or stands still. Absent: nothing is ever left.
   */
  recover?(scope: string): Promise<void>
  /** Whether all that this process has committed to a scope is carried out. Absent: it is when `commit` resolves. */
  isFinished?(scope: string): boolean
  /** Resolves when the backend answers; rejects with the reason when it does not. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Every record of a scope, in ascending order, page by page. */
export async function* scrollAll(
  store: RecordStore,
  collection: Collection,
  scope: string,
  pageSize = 1000,
): AsyncGenerator<StoredRecord> {
  let after: Position | undefined
  for (;;) {
    const page = await store.scroll(collection, scope, { limit: pageSize, after })
    yield* page
    const last = page.at(-1)
    if (!last || page.length < pageSize) return
    after = { order: last.order, id: last.id }
  }
}
