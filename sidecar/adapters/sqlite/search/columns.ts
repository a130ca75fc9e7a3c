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
    similarities(wanted: Iterable<number>, dense: Float32Array | undefined): Similarities {
      if (dense) return toSimilarities(vectors.get(toSortedJson(wanted)) as Row, dense)
      const all = [...wanted]
      return { numbers: all, similarities: new Float64Array(all.length) }
    },
  }
}

type Row = Record<string, SQLOutputValue>

/** Adjacent rows are read in one statement. */
function toSortedJson(numbers: Iterable<number>): string {
  return JSON.stringify([...numbers].sort((a, b) => a - b))
}

function toSimilarities(row: Row, dense: Float32Array): Similarities {
  const numbers = JSON.parse(row['numbers'] as string) as number[]
  const similarities = new Float64Array(numbers.length)
  if (row['dense'] instanceof Uint8Array) {
    const take = slicer(row['dense'])
    const lengths = JSON.parse(row['denseBytes'] as string) as (number | null)[]
    for (const [i, length] of lengths.entries()) {
      if (length !== null) similarities[i] = dotProduct(take(length), dense)
    }
  }
  return { numbers, similarities }
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
