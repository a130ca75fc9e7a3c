import type { DatabaseSync } from 'node:sqlite'
import type { Condition, JsonObject, SearchQuery } from '../../../ports/records.ts'
import { meets } from '../../common/condition.ts'
import { best } from './best.ts'
import { Block } from './blocks.ts'
import { signSums } from './codes.ts'
import { rangeOf, type ScopeRow } from './entries.ts'
import { LexicalScan } from './lexical.ts'
import { dotProduct, wordsOf } from './packed-vector.ts'
import { scannedTerms } from './terms.ts'

/** What the worker thread answers: few large values, because each small one costs a copy. */
export interface SearchAnswer {
  total: number
  frequencies: Map<number, number>
  ids: string[]
  orders: number[]
  /** JSON by candidate. */
  features: string[]
  /** The terms of all candidates, one after the other, and how many bytes each has. */
  terms: Uint8Array
  termBytes: number[]
  similarities: number[]
}

/** Row of `search_entries`; as an array, which SQLite returns twice as fast as an object. */
type EntryRow = [
  no: number,
  id: string,
  position: number,
  terms: Uint8Array,
  features: string,
  dense: Uint8Array | null,
]

/** Scores of every record of a scope, by index. */
interface Scores {
  numbers: number[]
  lexical: LexicalScan
  /** Estimates of the dot product; -Infinity without a vector. */
  dense: Float64Array | undefined
}

interface Ranked {
  no: number
  /** Undefined if it is not known yet. */
  similarity: number | undefined
}

/** Candidates by estimated similarity, per candidate that is returned; the exact similarity chooses among them. */
const RESCORED = 2
/** At least so many, because short vectors have coarse codes. */
const MIN_RESCORED = 256

/** Best records that are tested against `where`, per candidate that is returned, before more are. */
const TESTED = 4

const COLUMNS = 'no, id, position, terms, features, dense'

export function openSearch(db: DatabaseSync) {
  const getScope = db.prepare('SELECT * FROM search_scopes WHERE scope = ?')
  const entries = db.prepare(`SELECT ${COLUMNS} FROM search_entries WHERE no >= ? AND no < ?`)
  const someEntries = db.prepare(
    `SELECT ${COLUMNS} FROM search_entries WHERE no IN (SELECT value FROM json_each(?))`,
  )
  const vectors = db.prepare(
    'SELECT no, dense FROM search_entries WHERE no IN (SELECT value FROM json_each(?))',
  )
  for (const statement of [entries, someEntries, vectors]) statement.setReturnArrays(true)
  const blocks = db.prepare('SELECT data FROM search_blocks WHERE no >= ? AND no < ?')
  const getPayload = db.prepare(
    `SELECT payload FROM search_entries e JOIN records r ON r.scope = ? AND r.collection = 'memories' AND r.id = e.id
     WHERE e.no = ?`,
  )
  const latest = db.prepare(
    `SELECT entry, payload FROM records WHERE scope = ? AND collection = 'memories' AND entry IS NOT NULL
     ORDER BY position DESC, id DESC`,
  )

  function testOf(scope: string, where: Condition | undefined): (no: number) => boolean {
    if (!where) return () => true
    const known = new Map<number, boolean>()
    return (no) => {
      const isKnown = known.get(no)
      if (isKnown !== undefined) return isKnown
      const passes = meets(payloadOf(getPayload.get(scope, no)), where)
      known.set(no, passes)
      return passes
    }
  }

  /** Exact similarities of records with vectors, highest first. */
  function similaritiesOf(numbers: readonly number[], query: Float32Array): Ranked[] {
    const rows = vectors.all(JSON.stringify(numbers)) as unknown as [no: number, dense: Uint8Array][]
    const ranked = rows.map(([no, stored]) => ({ no, similarity: dotProduct(stored, query) }))
    return ranked.sort((a, b) => b.similarity - a.similarity)
  }

  function scoreBlocks(row: ScopeRow, { terms, dense }: SearchQuery): Scores {
    const [first, end] = rangeOf(row)
    const lexical = new LexicalScan(terms)
    const numbers: number[] = []
    const estimates = dense && new Float64Array(row.total)
    const sums = dense && signSums(dense)
    for (const { data } of blocks.iterate(first, end)) {
      const block = new Block(data as Uint8Array)
      if (estimates && sums) estimate(block, sums, estimates.subarray(numbers.length))
      lexical.addBlock(block)
      for (const number of block.numbers) numbers.push(first + number)
    }
    return { numbers, lexical, dense: estimates }
  }

  /** Numbers of the best records by terms, by embedding and by `also`. */
  function choose(scope: string, query: SearchQuery, scores: Scores): Map<number, number | undefined> {
    const { dense, where, also, limit } = query
    const passes = testOf(scope, where)
    const chosen = new Map<number, number | undefined>()
    /** Adds the best records that pass; tests more and more of them until there are enough. */
    const addBest = (
      values: Float64Array,
      floor: number,
      tested: number,
      sort: (indexes: number[]) => Ranked[],
    ) => {
      for (let count = tested; ; count *= 4) {
        const ranked = sort(best(values, count, floor))
        const accepted = take(ranked, limit, ({ no }) => passes(no))
        if (accepted.length < limit && ranked.length === count) continue
        for (const { no, similarity } of accepted) chosen.set(no, similarity)
        return
      }
    }
    const values = scores.lexical.scores()
    addBest(values, 0, where ? TESTED * limit : limit, (indexes) =>
      indexes
        .sort((a, b) => (values[b] as number) - (values[a] as number))
        .map((i) => ({ no: scores.numbers[i] as number, similarity: undefined })),
    )
    if (dense && scores.dense) {
      addBest(
        scores.dense,
        Number.NEGATIVE_INFINITY,
        Math.max(MIN_RESCORED, RESCORED * limit * (where ? 2 : 1)),
        (indexes) =>
          similaritiesOf(
            indexes.map((i) => scores.numbers[i] as number),
            dense,
          ),
      )
    }
    if (also && also.length > 0) {
      const condition: Condition = where ? { all: [where, { any: also }] } : { any: also }
      let missing = limit
      for (const found of latest.iterate(scope)) {
        if (!meets(payloadOf(found), condition)) continue
        const no = found['entry'] as number
        if (!chosen.has(no)) chosen.set(no, undefined)
        missing -= 1
        if (missing === 0) break
      }
    }
    return chosen
  }

  return (scope: string, query: SearchQuery): SearchAnswer => {
    const row = getScope.get(scope) as unknown as ScopeRow | undefined
    if (!row) return answer([], [], 0, new LexicalScan(query.terms))
    const { dense } = query
    const similarityOf = ([, , , , , stored]: EntryRow) => (stored && dense ? dotProduct(stored, dense) : 0)
    if (row.total > query.limit && row.built > 0) {
      const scores = scoreBlocks(row, query)
      const chosen = choose(scope, query, scores)
      const numbers = JSON.stringify([...chosen.keys()].sort((a, b) => a - b))
      const found = someEntries.all(numbers) as unknown as EntryRow[]
      const similarities = found.map((entry) => chosen.get(entry[0]) ?? similarityOf(entry))
      return answer(found, similarities, row.total, scores.lexical)
    }
    const all = entries.all(...rangeOf(row)) as unknown as EntryRow[]
    const lexical = new LexicalScan(query.terms)
    for (const [, , , terms] of all) {
      const { both, termCount } = scannedTerms(wordsOf(terms, Uint32Array))
      lexical.addRecord(both, termCount)
    }
    let found = all
    if (row.total > query.limit) {
      const numbers = all.map(([no]) => no)
      const estimates =
        dense &&
        Float64Array.from(all, (entry) => (entry[5] ? similarityOf(entry) : Number.NEGATIVE_INFINITY))
      const chosen = choose(scope, query, { numbers, lexical, dense: estimates })
      found = all.filter(([no]) => chosen.has(no))
    } else if (query.where) {
      const passes = testOf(scope, query.where)
      found = all.filter(([no]) => passes(no))
    }
    return answer(found, found.map(similarityOf), row.total, lexical)
  }
}

function take<T>(all: readonly T[], limit: number, accepts: (one: T) => boolean): T[] {
  const taken: T[] = []
  for (const one of all) {
    if (taken.length === limit) break
    if (accepts(one)) taken.push(one)
  }
  return taken
}

function estimate(block: Block, sums: Float32Array, estimates: Float64Array): void {
  const bytes = sums.length / 256
  const codes = new Uint8Array(block.codes.buffer, block.codes.byteOffset, block.codes.byteLength)
  const fits = codes.length === bytes * block.count
  for (let i = 0; i < block.count; i++) {
    const scale = block.scales[i] as number
    // Four sums, because an addition that waits for the one before takes most of the time.
    let [a, b, c, d] = [0, 0, 0, 0]
    if (fits && scale > 0) {
      const start = bytes * i
      for (let byte = 0; byte < bytes; byte += 4) {
        const at = byte << 8
        a += sums[at | (codes[start + byte] as number)] as number
        b += sums[(at + 256) | (codes[start + byte + 1] as number)] as number
        c += sums[(at + 512) | (codes[start + byte + 2] as number)] as number
        d += sums[(at + 768) | (codes[start + byte + 3] as number)] as number
      }
    }
    estimates[i] = fits && scale > 0 ? scale * (a + b + c + d) : Number.NEGATIVE_INFINITY
  }
}

function payloadOf(row: Record<string, unknown> | undefined): JsonObject {
  return JSON.parse((row?.['payload'] as string | undefined) ?? '{}')
}

function answer(
  found: readonly EntryRow[],
  similarities: number[],
  total: number,
  lexical: LexicalScan,
): SearchAnswer {
  const termBytes = found.map(([, , , terms]) => terms.length)
  const terms = new Uint8Array(termBytes.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const [, , , some] of found) {
    terms.set(some, at)
    at += some.length
  }
  return {
    total,
    frequencies: lexical.frequencies(),
    ids: found.map(([, id]) => id),
    orders: found.map(([, , position]) => position),
    features: found.map(([, , , , features]) => features),
    terms,
    termBytes,
    similarities,
  }
}
