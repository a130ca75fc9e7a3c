import { setImmediate } from 'node:timers/promises'
/**
 * The kinds of documents that the engine keeps: `turns` as they were said, `memories` as they stand, their past
 * `versions` and `history`, `conversations`, `calls` by idempotency key, `pending` scopes with turns to be learned
 * from, `graph` of entities and relations, `rules` of apps, the `ledger` of external calls, the `timeline` of what the turns
 * of conversations were answered with, and `meta`: what the store itself is.
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
  | 'timeline'
  | 'meta'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** Weights of the terms of a text, each by a 32-bit hash; no hash twice, and as many values as indices. */
export interface SparseVector {
  readonly indices: Uint32Array
  readonly values: Float32Array
}

/** What a record can be looked for by; a list has what any of its members has. */
export type Field = string | number | null | readonly (string | number)[]
export type Fields = { readonly [name: string]: Field }

export interface StoredRecord {
  id: string
  /** Where the record stands when a scope is scrolled: a safe integer ≥ 0, by habit epoch microseconds. Ties go by id. */
  order: number
  payload: JsonObject
  /** L2-normalised embedding, for records that can be searched. */
  dense?: Float32Array | undefined
  /** Term weights of the text, likewise. */
  sparse?: SparseVector | undefined
  /** For a store that looks by itself; it follows from the payload, and is not read back. */
  fields?: Fields | undefined
}

/** What the fields of a record may be asked. A field that is absent or `null` meets nothing but `exists: false`. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly field: string; readonly oneOf: readonly (string | number)[] }
  | { readonly field: string; readonly range: Range }
  | { readonly field: string; readonly exists: boolean }

export interface Range {
  readonly gt?: number
  readonly gte?: number
  readonly lt?: number
  readonly lte?: number
}

/** A search needs at least one of the two vectors: without any it finds nothing. */
export interface Search {
  /** L2-normalised embedding of what is asked. */
  dense?: Float32Array | undefined
  /** Weights of the terms that are asked for; how rare each is within the scope is the store's business. */
  sparse?: SparseVector | undefined
  limit: number
  /** Records that it refuses take no place in the answer. */
  accept?: ((record: StoredRecord) => boolean) | undefined
  /** What every accepted record meets: a store that can looks at no other. */
  where?: Condition | undefined
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

export interface CommitOptions {
  /**
   * Allows the store to resolve when the writes can be read and the death of the process may still lose them, with all
   * lazy ones that came later. They are safe when a commit that is not lazy has resolved, also one of nothing.
   */
  isLazy?: boolean
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
 * - `search` answers records of the scope alone, best first: those near to the dense query and those that hold terms of
 *   the sparse one, whichever signal found them, joined by their ranks in both.
 */
export interface RecordStore {
  /** For people: `sqlite`, `qdrant`. */
  readonly kind: string
  commit(writes: readonly Write[], options?: CommitOptions): Promise<void>
  get(collection: Collection, scope: string, id: string): Promise<StoredRecord | undefined>
  scroll(collection: Collection, scope: string, options: ScrollOptions): Promise<StoredRecord[]>
  search(collection: 'memories', scope: string, search: Search): Promise<StoredRecord[]>
  /** The scopes that have records of a collection, each once, in order of their code units; `after` is not among them. */
  scopes(collection: Collection, options: { after?: string | undefined; limit: number }): Promise<string[]>
  /**
   * Where several processes write: carries out what another one left of a scope in the middle of a commit, oldest first,
   * so that no part of it takes effect later. Called by whoever holds the lock of the scope, before anything is read or
   * written there; the other process is dead, or stands still: one that may still be at work is waited for. Absent:
   * nothing is ever left.
   */
  recover?(scope: string): Promise<void>
  /** Whether all that this process has committed to a scope is carried out. Absent: it is when `commit` resolves. */
  isFinished?(scope: string): boolean
  /** Where the vectors of each embedder have a place of their own, so that those before are still there. */
  readonly generations?: Generations
  /** Resolves when the backend answers; rejects with the reason when it does not. */
  check(): Promise<void>
  close(): Promise<void>
}

/** A store shows the records that go with the embedder it was opened with. */
export interface Generations {
  /** Makes them the ones in use. */
  adopt(): Promise<void>
  /** Erases those of all other embedders; answers how many embedders that were. */
  dropOthers(): Promise<number>
}

/** Every record of a scope, page by page, ascending by default. */
export async function* scrollAll(
  store: RecordStore,
  collection: Collection,
  scope: string,
  pageSize = 250,
  direction: ScrollOptions['direction'] = 'ascending',
): AsyncGenerator<StoredRecord> {
  let after: Position | undefined
  for (;;) {
    const page = await store.scroll(collection, scope, { limit: pageSize, after, direction })
    yield* page
    const last = page.at(-1)
    if (!last || page.length < pageSize) return
    // An embedded store answers synchronously: without this, a long scroll would block the event loop.
    await setImmediate()
    after = { order: last.order, id: last.id }
  }
}
