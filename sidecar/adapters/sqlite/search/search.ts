import type { DatabaseSync } from 'node:sqlite'
import type { Condition, JsonObject, SearchQuery } from '../../../ports/records.ts'
import { meets } from '../../common/condition.ts'
import { best } from './best.ts'
import { Block } from './blocks.ts'
import { signSums } from './codes.ts'
import { rangeOf, type ScopeRow } from './entries.ts'
import { LexicalScan } from './lexical.ts'
import { dotProduct, wordsOf } from './packed-vector.ts'

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

/** Row of `search_entries`. */
interface EntryRow {
  no: number
  id: string
  position: number
  terms: Uint8Array
  features: string
  dense: Uint8Array | null
}

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
const RESCORED = 4
/** At least so many, because short vectors have coarse codes. */
const MIN_RESCORED = 256

/** Best records that are tested against `where`, per candidate that is returned, before all of them are. */
const TESTED = 2

export function openSearch(db: DatabaseSync) {
  const getScope = db.prepare('SELECT * FROM search_scopes WHERE scope = ?')
  const entries = db.prepare('SELECT * FROM search_entries WHERE no >= ? AND no < ?')
  const entriesWithoutVectors = db.prepare(
    'SELECT no, id, position, terms, features FROM search_entries WHERE no >= ? AND no < ?',
  )
  const getEntry = db.prepare('SELECT no, id, position, terms, features FROM search_entries WHERE no = ?')
  const getVector = db.prepare('SELECT dense FROM search_entries WHERE no = ?')
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

  function scoreEntries(rows: readonly EntryRow[], { terms, dense }: SearchQuery): Scores {
    const lexical = new LexicalScan(terms)
    for (const row of rows) addRow(lexical, row)
    const similarities =
      dense && Float64Array.from(rows, (row) => similarityOf(row.dense, dense, Number.NEGATIVE_INFINITY))
    return { numbers: rows.map(({ no }) => no), lexical, dense: similarities }
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
      let at = 0
      for (let i = 0; i < block.count; i++) {
        const [termCount, contextCount] = [block.termCounts[i] as number, block.contextCounts[i] as number]
        lexical.add(block.terms, at, termCount, contextCount)
        at += termCount + contextCount
        numbers.push(first + (block.numbers[i] as number))
      }
    }
    return { numbers, lexical, dense: estimates }
  }

  /** Numbers of the best records by terms, by embedding and by `also`. */
  function choose(scope: string, query: SearchQuery, scores: Scores): Map<number, number | undefined> {
    const { dense, where, also, limit } = query
    const passes = testOf(scope, where)
    const chosen = new Map<number, number | undefined>()
    /** Adds the best records that pass. Those that do not pass are only looked for where too few are left. */
    const addBest = (
      values: Float64Array,
      floor: number,
      count: number,
      sort: (indexes: number[]) => Ranked[],
    ) => {
      let accepted = take(sort(best(values, count, floor)), limit, ({ no }) => passes(no))
      if (where && accepted.length < limit) {
        const passing = values.map((value, i) =>
          value > floor && passes(scores.numbers[i] as number) ? value : Number.NaN,
        )
        accepted = sort(best(passing, count, floor)).slice(0, limit)
      }
      for (const { no, similarity } of accepted) chosen.set(no, similarity)
    }
    const values = scores.lexical.scores()
    addBest(values, 0, where ? TESTED * limit : limit, (indexes) =>
      indexes
        .sort((a, b) => (values[b] as number) - (values[a] as number))
        .map((i) => ({ no: scores.numbers[i] as number, similarity: undefined })),
    )
    if (dense && scores.dense) {
      addBest(scores.dense, Number.NEGATIVE_INFINITY, Math.max(MIN_RESCORED, RESCORED * limit), (indexes) =>
        indexes
          .map((i) => {
            const no = scores.numbers[i] as number
            return { no, similarity: similarityOf(getVector.get(no)?.['dense'], dense, 0) }
          })
          .sort((a, b) => b.similarity - a.similarity),
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
    if (!row) return answer([], 0, new LexicalScan(query.terms))
    const { dense, limit } = query
    if (row.total > limit && row.built > 0) {
      const scores = scoreBlocks(row, query)
      const chosen = choose(scope, query, scores)
      const found = [...chosen]
        .sort(([a], [b]) => a - b)
        .map(([no, similarity]) => ({
          ...(getEntry.get(no) as unknown as EntryRow),
          similarity: similarity ?? (dense ? similarityOf(getVector.get(no)?.['dense'], dense, 0) : 0),
        }))
      return answer(found, row.total, scores.lexical)
    }
    const statement = dense ? entries : entriesWithoutVectors
    const rows = statement.all(...rangeOf(row)) as unknown as EntryRow[]
    const scores = scoreEntries(rows, query)
    let isChosen = testOf(scope, query.where)
    if (row.total > limit) {
      const chosen = choose(scope, query, scores)
      isChosen = (no) => chosen.has(no)
    }
    const found = rows.flatMap((entry, i) => {
      const similarity = scores.dense?.[i] ?? 0
      return isChosen(entry.no)
        ? [{ ...entry, similarity: similarity === Number.NEGATIVE_INFINITY ? 0 : similarity }]
        : []
    })
    return answer(found, row.total, scores.lexical)
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

function addRow(lexical: LexicalScan, { terms }: EntryRow): void {
  const words = wordsOf(terms, Uint32Array)
  const termCount = words[0] as number
  lexical.add(words, 1, termCount, words.length - 1 - termCount)
}

function similarityOf(stored: unknown, query: Float32Array, absent: number): number {
  return stored instanceof Uint8Array ? dotProduct(stored, query) : absent
}

function estimate(block: Block, sums: Float32Array, estimates: Float64Array): void {
  const bytes = sums.length / 256
  const codes = new Uint8Array(block.codes.buffer, block.codes.byteOffset, block.codes.byteLength)
  const fits = codes.length === bytes * block.count
  for (let i = 0; i < block.count; i++) {
    const scale = block.scales[i] as number
    let sum = 0
    if (fits && scale > 0) {
      const start = bytes * i
      for (let byte = 0; byte < bytes; byte++)
        sum += sums[(byte << 8) | (codes[start + byte] as number)] as number
    }
    estimates[i] = fits && scale > 0 ? scale * sum : Number.NEGATIVE_INFINITY
  }
}

function payloadOf(row: Record<string, unknown> | undefined): JsonObject {
  return JSON.parse((row?.['payload'] as string | undefined) ?? '{}')
}

function answer(
  found: readonly (EntryRow & { similarity: number })[],
  total: number,
  lexical: LexicalScan,
): SearchAnswer {
  const termBytes = found.map(({ terms }) => terms.length)
  const terms = new Uint8Array(termBytes.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const entry of found) {
    terms.set(entry.terms, at)
    at += entry.terms.length
  }
  return {
    total,
    frequencies: lexical.frequencies(),
    ids: found.map(({ id }) => id),
    orders: found.map(({ position }) => position),
    features: found.map(({ features }) => features),
    terms,
    termBytes,
    similarities: found.map(({ similarity }) => similarity),
  }
}
