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
  /** Dot products with the query; 0 without a vector. */
  similarities: Float64Array
}

/** SQLite joins the values of a column, which is several times faster than reading them row by row. */
const COLUMNS = `json_group_array(no) AS numbers, json_group_array(id) AS ids, json_group_array(position) AS orders,
  group_concat(features, ',') AS features, CAST(group_concat(terms, '') AS BLOB) AS terms,
  json_group_array(length(terms)) AS termBytes`

const VECTORS = `, CAST(group_concat(dense, '') AS BLOB) AS dense, json_group_array(length(dense)) AS denseBytes`

export function openColumns(db: DatabaseSync) {
  const prepare = (rows: string) => ({
    plain: db.prepare(`SELECT ${COLUMNS} FROM search_entries WHERE ${rows}`),
    withVectors: db.prepare(`SELECT ${COLUMNS}${VECTORS} FROM search_entries WHERE ${rows}`),
  })
  const inRange = prepare('no >= ? AND no < ?')
  const listed = prepare('no IN (SELECT value FROM json_each(?))')
  type Statements = typeof inRange
  const read = (
    { plain, withVectors }: Statements,
    args: readonly (string | number)[],
    dense: Float32Array | undefined,
  ) => toColumns((dense ? withVectors : plain).get(...args) as Record<string, SQLOutputValue>, dense)
  return {
    inRange: (first: number, end: number, dense: Float32Array | undefined) =>
      read(inRange, [first, end], dense),
    listed: (numbers: Iterable<number>, dense: Float32Array | undefined) =>
      read(listed, [JSON.stringify([...numbers].sort((a, b) => a - b))], dense),
  }
}

function toColumns(row: Record<string, SQLOutputValue>, dense: Float32Array | undefined): EntryColumns {
  const numbers = JSON.parse(row['numbers'] as string) as number[]
  const similarities = new Float64Array(numbers.length)
  if (dense && row['dense'] instanceof Uint8Array) {
    const take = slicer(row['dense'])
    const lengths = JSON.parse(row['denseBytes'] as string) as (number | null)[]
    for (const [i, length] of lengths.entries()) {
      if (length !== null) similarities[i] = dotProduct(take(length), dense)
    }
  }
  return {
    numbers,
    ids: row['ids'] as string,
    orders: row['orders'] as string,
    features: `[${row['features'] ?? ''}]`,
    terms: (row['terms'] ?? new Uint8Array()) as Uint8Array,
    termBytes: JSON.parse(row['termBytes'] as string) as number[],
    similarities,
  }
}
