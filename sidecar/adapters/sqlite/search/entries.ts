import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { SearchEntry, StoredRecord } from '../../../ports/records.ts'
import { Block, keyOf, type Scanned, SEGMENT_SIZE } from './blocks.ts'
import { encode } from './codes.ts'
import { packedFromBytes, packedToBytes } from './packed-vector.ts'
import { type Blocks, blockOf, NUMBERS_PER_SCOPE, rangeOf, type ScopeRow, segmentOf } from './scope-blocks.ts'
import { termsFromBytes, termsToBytes } from './terms.ts'

/** A scope with more searchable records has blocks. Reading the entries themselves is as fast up to here. */
const MAX_UNBLOCKED = 256

interface Touched {
  row: ScopeRow
  /** Changes by number within the scope; null for a removed record. */
  changes: Map<number, Indexed | null>
  /** `row.next` before the changes. */
  next: number
}

type Indexed = StoredRecord & { search: SearchEntry }

/** The search entries of records. Every method runs in the transaction of the caller. */
export function openEntries(db: DatabaseSync, blocks: Blocks) {
  const getScope = db.prepare('SELECT * FROM search_scopes WHERE scope = ?')
  const addScope = db.prepare(
    `INSERT INTO search_scopes (no, scope, total, next, built, written)
     VALUES (1 + max(:after, (SELECT coalesce(max(no), 0) FROM search_scopes)), :scope, 0, 0, 0, 0) RETURNING *`,
  )
  /** Numbers of scopes, and so of entries, are not used again while the process runs: `EntryCache` relies on it. */
  let lastScope = 0
  const setScope = db.prepare(
    'UPDATE search_scopes SET total = ?, next = ?, built = ?, written = ?, mean = ? WHERE no = ?',
  )
  const removeScope = db.prepare('DELETE FROM search_scopes WHERE no = ?')
  const withoutBlocks = db.prepare('SELECT * FROM search_scopes WHERE built = 0 AND total > ?')
  const putEntry = db.prepare('INSERT OR REPLACE INTO search_entries VALUES (?, ?, ?, ?, ?, ?)')
  const removeEntry = db.prepare('DELETE FROM search_entries WHERE no = ?')
  const vectors = db.prepare('SELECT dense FROM search_entries WHERE no >= ? AND no < ?')
  const rows = db.prepare('SELECT no, terms, dense FROM search_entries WHERE no >= ? AND no < ?')

  /** Brings the blocks of a scope in step with its entries. */
  function finish({ row, changes, next }: Touched): void {
    if (row.total === 0) removeScope.run(row.no)
    if (row.total <= MAX_UNBLOCKED / 2 && row.built > 0) {
      blocks.clear(row)
      Object.assign(row, { built: 0, written: 0, mean: null })
    }
    if (row.built > 0 || row.total > MAX_UNBLOCKED) {
      row.written += changes.size
      const mean = packedFromBytes(row.mean ?? new Uint8Array())
      if (row.written > row.built || !fits(mean, changes)) build(row, lengthOfVectors(changes))
      else change(row, changes, mean, next)
    }
    save(row)
  }

  function save({ no, total, next, built, written, mean }: ScopeRow): void {
    setScope.run(total, next, built, written, mean, no)
  }

  /** Builds all blocks of a scope: once for as many writes as it had records then, which also updates the mean. */
  function build(row: ScopeRow, dimensions: number | undefined): void {
    const range = rangeOf(row)
    blocks.clear(row)
    const mean = meanOf(vectors.iterate(...range), dimensions)
    const segments = segmentOf(row.next)
    for (let segment = 0; segment < segments; segment++) merge(row, segment, mean)
    const open = scan(row, segments * SEGMENT_SIZE, row.next, mean)
    for (const [block, entries] of Map.groupBy(open, ([number]) => blockOf(number))) {
      blocks.putBlock(row, block, new Map(entries), mean.length)
    }
    Object.assign(row, { built: row.total, written: 0, mean: packedToBytes(mean) })
  }

  /** What a search scans of the entries with these numbers. */
  function scan({ no }: ScopeRow, from: number, to: number, mean: Float32Array): Map<number, Scanned> {
    const [first] = rangeOf({ no })
    const entries = new Map<number, Scanned>()
    for (const found of rows.iterate(first + from, first + to)) {
      const { no, terms, dense } = found as { no: number; terms: Uint8Array; dense: Uint8Array | null }
      const vector = dense ? packedFromBytes(dense) : undefined
      entries.set(no - first, toScanned(termsFromBytes(terms), vector, mean))
    }
    return entries
  }

  function merge(row: ScopeRow, segment: number, mean: Float32Array): void {
    const [from, to] = [segment * SEGMENT_SIZE, (segment + 1) * SEGMENT_SIZE]
    blocks.putSegment(row, segment, scan(row, from, to, mean), mean.length)
  }

  /** @param next `row.next` before the changes */
  function change(row: ScopeRow, changes: Touched['changes'], mean: Float32Array, next: number): void {
    const merged = segmentOf(next)
    const [inSegments, inBlocks] = [new Map<number, null>(), new Map<number, Indexed | null>()]
    for (const [number, record] of changes) {
      // A replaced record has a new number: what changes in a segment is removed.
      if (segmentOf(number) < merged) inSegments.set(number, null)
      else inBlocks.set(number, record)
    }
    for (const [segment, removed] of Map.groupBy(inSegments.keys(), segmentOf)) {
      blocks.removeFromSegment(row, segment, removed)
    }
    for (const [block, changed] of Map.groupBy(inBlocks, ([number]) => blockOf(number))) {
      const data = blocks.getBlock(row, block)
      const entries = data ? new Block(data).entries() : new Map<number, Scanned>()
      for (const [number, record] of changed) {
        if (record) entries.set(number, toScanned(record.search, record.dense, mean))
        else entries.delete(number)
      }
      blocks.putBlock(row, block, entries, mean.length)
    }
    for (let segment = merged; segment < segmentOf(row.next); segment++) merge(row, segment, mean)
  }

  return {
    /** Builds the blocks of the large scopes that have none, which a file of an earlier version has. */
    buildMissing(): void {
      for (const row of withoutBlocks.all(MAX_UNBLOCKED) as unknown as ScopeRow[]) {
        build(row, undefined)
        save(row)
      }
    },
    /** The writes of one commit. The caller calls `finish` after the last one. */
    begin() {
      const scopes = new Map<string, Touched>()
      const touch = (scope: string): Touched => {
        const known = scopes.get(scope)
        if (known) return known
        const row = (getScope.get(scope) ?? addScope.get({ after: lastScope, scope })) as unknown as ScopeRow
        lastScope = Math.max(lastScope, row.no)
        const touched = { row, changes: new Map(), next: row.next }
        scopes.set(scope, touched)
        return touched
      }
      return {
        /** Returns the number of the entry. The caller removes the one that it replaces. */
        put(scope: string, record: Indexed): number {
          const { row, changes } = touch(scope)
          const [first, end] = rangeOf(row)
          const no = first + row.next
          if (no >= end) throw new Error(`scope: expected at most ${NUMBERS_PER_SCOPE} writes of memories`)
          row.next += 1
          row.total += 1
          const { id, order, dense, search } = record
          const vector = dense ? packedToBytes(dense) : null
          putEntry.run(no, id, order, termsToBytes(search), JSON.stringify(search.features), vector)
          changes.set(no - first, record)
          return no
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
