import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { SearchEntry, StoredRecord } from '../../../ports/records.ts'
import { BLOCK_SIZE, Block, blockToBytes, keyOf, type Scanned } from './blocks.ts'
import { encode } from './codes.ts'
import { packedFromBytes, packedToBytes } from './packed-vector.ts'
import { termsFromBytes, termsToBytes } from './terms.ts'

/** Distance of the first numbers of two scopes. A scope that is emptied begins at its first number again. */
const NUMBERS_PER_SCOPE = 2 ** 26

/** A scope with more searchable records has blocks. Reading the entries themselves is as fast up to here. */
const MAX_UNBLOCKED = 256

/** Row of `search_scopes`. */
export interface ScopeRow {
  no: number
  /** Number of searchable records. */
  total: number
  /** Number within the scope of its next new record. */
  next: number
  /** `total` when the blocks were built; 0 without blocks. */
  built: number
  /** Entries written since. */
  written: number
  /** Mean of the vectors when the blocks were built. */
  mean: Uint8Array | null
}

interface Touched {
  row: ScopeRow
  /** Changes by number within the scope; null for a removed record. */
  changes: Map<number, Indexed | null>
}

type Indexed = StoredRecord & { search: SearchEntry }

/** The search entries of records. Every method runs in the transaction of the caller. */
export function openEntries(db: DatabaseSync) {
  const getScope = db.prepare('SELECT * FROM search_scopes WHERE scope = ?')
  const addScope = db.prepare(
    'INSERT INTO search_scopes (scope, total, next, built, written) VALUES (?, 0, 0, 0, 0) RETURNING *',
  )
  const setScope = db.prepare(
    'UPDATE search_scopes SET total = ?, next = ?, built = ?, written = ?, mean = ? WHERE no = ?',
  )
  const removeScope = db.prepare('DELETE FROM search_scopes WHERE no = ?')
  const putEntry = db.prepare('INSERT OR REPLACE INTO search_entries VALUES (?, ?, ?, ?, ?, ?)')
  const removeEntry = db.prepare('DELETE FROM search_entries WHERE no = ?')
  const vectors = db.prepare('SELECT dense FROM search_entries WHERE no >= ? AND no < ?')
  const rows = db.prepare('SELECT no, terms, dense FROM search_entries WHERE no >= ? AND no < ?')
  const getBlock = db.prepare('SELECT data FROM search_blocks WHERE no = ?')
  const putBlock = db.prepare('INSERT OR REPLACE INTO search_blocks VALUES (?, ?)')
  const removeBlock = db.prepare('DELETE FROM search_blocks WHERE no = ?')
  const removeBlocks = db.prepare('DELETE FROM search_blocks WHERE no >= ? AND no < ?')

  /** Brings the blocks of a scope in step with its entries. */
  function finish({ row, changes }: Touched): void {
    if (row.total === 0) removeScope.run(row.no)
    if (row.total <= MAX_UNBLOCKED / 2 && row.built > 0) {
      removeBlocks.run(...rangeOf(row))
      Object.assign(row, { built: 0, written: 0, mean: null })
    }
    if (row.built > 0 || row.total > MAX_UNBLOCKED) {
      row.written += changes.size
      const mean = packedFromBytes(row.mean ?? new Uint8Array())
      if (row.written > row.built || !fits(mean, changes)) build(row, lengthOfVectors(changes))
      else change(row, changes, mean)
    }
    setScope.run(row.total, row.next, row.built, row.written, row.mean, row.no)
  }

  /** Builds all blocks of a scope: once for as many writes as it had records then, which also updates the mean. */
  function build(row: ScopeRow, dimensions: number | undefined): void {
    const range = rangeOf(row)
    removeBlocks.run(...range)
    const mean = meanOf(vectors.iterate(...range), dimensions)
    let block = 0
    let entries = new Map<number, Scanned>()
    const flush = () => {
      if (entries.size > 0) putBlock.run(range[0] + block, blockToBytes(entries, mean.length))
      entries = new Map()
    }
    for (const found of rows.iterate(...range)) {
      const { no, terms, dense } = found as { no: number; terms: Uint8Array; dense: Uint8Array | null }
      const number = no - range[0]
      if (blockOf(number) !== block) flush()
      block = blockOf(number)
      const vector = dense ? packedFromBytes(dense) : undefined
      entries.set(number, toScanned(termsFromBytes(terms), vector, mean))
    }
    flush()
    Object.assign(row, { built: row.total, written: 0, mean: packedToBytes(mean) })
  }

  function change(row: ScopeRow, changes: Touched['changes'], mean: Float32Array): void {
    const [first] = rangeOf(row)
    for (const [block, changed] of Map.groupBy(changes, ([number]) => blockOf(number))) {
      const data = getBlock.get(first + block)?.['data']
      const entries = data instanceof Uint8Array ? new Block(data).entries() : new Map<number, Scanned>()
      for (const [number, record] of changed) {
        if (record) entries.set(number, toScanned(record.search, record.dense, mean))
        else entries.delete(number)
      }
      if (entries.size > 0) putBlock.run(first + block, blockToBytes(entries, mean.length))
      else removeBlock.run(first + block)
    }
  }

  return {
    /** The writes of one commit. The caller calls `finish` after the last one. */
    begin() {
      const scopes = new Map<string, Touched>()
      const touch = (scope: string): Touched => {
        const known = scopes.get(scope)
        if (known) return known
        const row = getScope.get(scope) ?? addScope.get(scope)
        const touched = { row: row as unknown as ScopeRow, changes: new Map() }
        scopes.set(scope, touched)
        return touched
      }
      return {
        /** @param no number of the entry that it replaces, if any; returns its number */
        put(scope: string, record: Indexed, no: number | null): number {
          const { row, changes } = touch(scope)
          const [first, end] = rangeOf(row)
          const kept = no ?? first + row.next
          if (kept >= end)
            throw new Error(`scope: expected at most ${NUMBERS_PER_SCOPE} memories over its life`)
          if (no === null) {
            row.next += 1
            row.total += 1
          }
          const { id, order, dense, search } = record
          const vector = dense ? packedToBytes(dense) : null
          putEntry.run(kept, id, order, termsToBytes(search), JSON.stringify(search.features), vector)
          changes.set(kept - first, record)
          return kept
        },
        remove(scope: string, no: number): void {
          const { row, changes } = touch(scope)
          row.total -= 1
          removeEntry.run(no)
          changes.set(no - rangeOf(row)[0], null)
        },
        finish(): void {
          for (const touched of scopes.values()) finish(touched)
        },
      }
    },
  }
}

function toScanned(
  { terms, context }: Pick<SearchEntry, 'terms' | 'context'>,
  dense: Float32Array | undefined,
  mean: Float32Array,
): Scanned {
  return { terms: terms.map(keyOf), context: context.map(keyOf), ...encode(dense, mean) }
}

/** Numbers of the entries and blocks of a scope: the first one, and the end, exclusive. */
export function rangeOf({ no }: Pick<ScopeRow, 'no'>): [first: number, end: number] {
  return [no * NUMBERS_PER_SCOPE, (no + 1) * NUMBERS_PER_SCOPE]
}

function blockOf(number: number): number {
  return Math.floor(number / BLOCK_SIZE)
}

/** Undefined if none of the changed records has a vector. */
function lengthOfVectors(changes: Touched['changes']): number | undefined {
  for (const record of changes.values()) if (record?.dense) return record.dense.length
  return undefined
}

function fits(mean: Float32Array, changes: Touched['changes']): boolean {
  const length = lengthOfVectors(changes)
  return length === undefined || length === mean.length
}

/** @param length of the vectors that count; by default, that of the first one */
function meanOf(rows: Iterable<Record<string, SQLOutputValue>>, length: number | undefined): Float32Array {
  let sum = new Float64Array(length ?? 0)
  let count = 0
  for (const { dense } of rows) {
    if (!(dense instanceof Uint8Array)) continue
    const vector = packedFromBytes(dense)
    if (length === undefined) sum = new Float64Array(vector.length)
    length ??= vector.length
    if (vector.length !== length) continue
    for (let i = 0; i < length; i++) sum[i] = (sum[i] as number) + (vector[i] as number)
    count += 1
  }
  return Float32Array.from(sum, (value) => value / Math.max(1, count))
}
