import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Search, StoredRecord } from '../../ports/records.ts'
import { Best, dot, fuse, TermWeights } from './search-in-process.ts'
import { toRecord } from './sqlite-rows.ts'
import { packedFromBytes, sparseFromBytes } from './vector-bytes.ts'

/** Rows that are read at a time; between them others have their turn. */
const PAGE = 500

export interface SearchOptions {
  db: DatabaseSync
  /** Throws when the store has been closed meanwhile. */
  assertOpen: () => void
}

/** Searches of one scope, exact, in memory that does not grow with the scope. */
export function createSearch({ db, assertOpen }: SearchOptions) {
  const from = 'FROM records WHERE scope = ? AND collection = ?'
  const next = 'AND (position, id) > (?, ?) ORDER BY position, id LIMIT ?'
  const termsOnly = db.prepare(`SELECT id, position, sparse ${from} ${next}`)
  const vectors = db.prepare(`SELECT id, position, dense, sparse ${from} ${next}`)
  const whole = db.prepare(`SELECT id, position, payload, dense, sparse ${from} ${next}`)
  const one = db.prepare(`SELECT id, position, payload, dense, sparse ${from} AND id = ?`)

  async function* rows(statement: typeof whole, collection: string, scope: string) {
    let place: [number, string] = [-1, '']
    for (;;) {
      assertOpen()
      const page = statement.all(scope, collection, ...place, PAGE)
      yield* page
      const last = page.at(-1)
      if (!last || page.length < PAGE) return
      place = [last['position'] as number, last['id'] as string]
      await nextTurn()
    }
  }

  return async function search(
    collection: string,
    scope: string,
    { dense, sparse, limit, accept }: Search,
  ): Promise<StoredRecord[]> {
    const terms = sparse && new TermWeights(sparse)
    if (terms) {
      for await (const row of rows(termsOnly, collection, scope)) {
        if (row['sparse'] instanceof Uint8Array) terms.count(sparseFromBytes(row['sparse']))
      }
    }
    const near = new Best(limit)
    const said = new Best(limit)
    for await (const row of rows(accept ? whole : vectors, collection, scope)) {
      const id = row['id'] as string
      const nearness =
        dense && row['dense'] instanceof Uint8Array ? dot(dense, packedFromBytes(row['dense'])) : undefined
      const score =
        terms && row['sparse'] instanceof Uint8Array ? terms.score(sparseFromBytes(row['sparse'])) : 0
      if (nearness === undefined && score <= 0) continue
      if (accept && !accept(toRecord(row))) continue
      if (nearness !== undefined) near.add(id, nearness)
      if (score > 0) said.add(id, score)
    }
    const found: StoredRecord[] = []
    for (const id of fuse([near.list(), said.list()]).slice(0, limit)) {
      const row = one.get(scope, collection, id)
      // It may have been removed since.
      if (row) found.push(toRecord(row))
    }
    return found
  }
}
