import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { slicer } from '../../common/slices.ts'
import { dotProduct } from './packed-vector.ts'

/** Entries by column: few large values, because each small one costs a conversion, and a copy between threads. */
export interface EntryColumns {
  /** Numbers of the entries; empty for no entries. */
  numbers: number[]
  /** JSON arrays. */
  ids: string
  orders: string
  features: string
  /** The terms of all entries, one after the other, and how many bytes each has. */
  terms: Uint8Array
  termBytes: number[]
}

/** Numbers of entries, and their dot products with the query; 0 without a vector. */
export interface Similarities {
  numbers: number[]
  similarities: Float64Array
}

/** SQLite joins the values of a column, which is several times faster than reading them row by row. */
const COLUMNS = `json_group_array(no) AS numbers, json_group_array(id) AS ids, json_group_array(position) AS orders,
  group_concat(features, ',') AS features, CAST(group_concat(terms, '') AS BLOB) AS terms,
  json_group_array(length(terms)) AS termBytes`

const VECTORS = `json_group_array(no) AS numbers, CAST(group_concat(dense, '') AS BLOB) AS dense,
  json_group_array(length(dense)) AS denseBytes`

export function openColumns(db: DatabaseSync) {
  const listed = 'no IN (SELECT value FROM json_each(?))'
  const entries = db.prepare(`SELECT ${COLUMNS} FROM search_entries WHERE ${listed}`)
  const numbers = db.prepare(
    'SELECT json_group_array(no) AS numbers FROM search_entries WHERE no >= ? AND no < ?',
  )
  const vectors = db.prepare(`SELECT ${VECTORS} FROM search_entries WHERE ${listed}`)
  return {
    /** The numbers from `first` to `end`, exclusive, that have an entry. */
    inRange: (first: number, end: number): number[] =>
      JSON.parse(numbers.get(first, end)?.['numbers'] as string) as number[],
    /** In no particular order; those that do not exist are left out. */
    entries: (wanted: readonly number[]) => toColumns(entries.get(toSortedJson(wanted)) as Row),
    /** Returns a function that reads the similarities of entries, each once; those that do not exist are left out. */
    similarities(dense: Float32Array | undefined) {
      const known = new Map<number, number>()
      return (wanted: Iterable<number>): Similarities => {
        const all = [...wanted]
        if (!dense) return { numbers: all, similarities: new Float64Array(all.length) }
        const missing = toSortedJson(all.filter((number) => !known.has(number)))
        readSimilarities(vectors.get(missing) as Row, dense, known)
        const numbers = all.filter((number) => known.has(number))
        return { numbers, similarities: Float64Array.from(numbers, (number) => known.get(number) as number) }
      }
    },
  }
}

type Row = Record<string, SQLOutputValue>

/** Adjacent rows are read in one statement. */
function toSortedJson(numbers: Iterable<number>): string {
  return JSON.stringify([...numbers].sort((a, b) => a - b))
}

function readSimilarities(row: Row, dense: Float32Array, similarities: Map<number, number>): void {
  const numbers = JSON.parse(row['numbers'] as string) as number[]
  const take = slicer((row['dense'] ?? new Uint8Array()) as Uint8Array)
  const lengths = JSON.parse(row['denseBytes'] as string) as (number | null)[]
  for (const [i, number] of numbers.entries()) {
    similarities.set(number, dotProduct(take(lengths[i] ?? 0), dense))
  }
}

function toColumns(row: Row): EntryColumns {
  return {
    numbers: JSON.parse(row['numbers'] as string) as number[],
    ids: row['ids'] as string,
    orders: row['orders'] as string,
    features: `[${row['features'] ?? ''}]`,
    terms: (row['terms'] ?? new Uint8Array()) as Uint8Array,
    termBytes: JSON.parse(row['termBytes'] as string) as number[],
  }
}
