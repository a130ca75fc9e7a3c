import type { DatabaseSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'
import {
  BLOCK_SIZE,
  Block,
  type Bucket,
  blockToBytes,
  bucketOf,
  Head,
  type Scanned,
  SEGMENT_BITS,
  SEGMENT_SIZE,
  segmentToBytes,
} from './blocks.ts'
import { wordsOf } from './packed-vector.ts'

/** Distance of the first numbers of two scopes. A scope that is emptied begins at its first number again. */
export const NUMBERS_PER_SCOPE = 2 ** 26

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

/** What a search scans of a block or a segment. */
export interface Scannable {
  head: Head
  /** Of the bucket of a key. */
  postings: (key: number) => Bucket
  /** By place; undefined: none is. */
  isRemoved: Uint8Array | undefined
  /** Number of the records that are not removed, and of their terms. */
  live: number
  liveTerms: number
}

/** Keys of the rows of a segment: its head, the numbers of removed records, and the buckets. */
const FIRST_SEGMENT = 2 ** 20
const KEYS_PER_SEGMENT = 2 ** (SEGMENT_BITS + 1)
const REMOVED = 1
const FIRST_BUCKET = 2

const BLOCKS_PER_SEGMENT = SEGMENT_SIZE / BLOCK_SIZE
const NO_POSTINGS = bucketOf(new Uint8Array())

/** Limit of all opened rows of segments together. Searches of a scope of 100,000 records read most of it. */
const MAX_BYTES = 16 * 2 ** 20
/** Size of an opened row without its data. */
const OVERHEAD_BYTES = 1_000

export type Blocks = ReturnType<typeof openBlocks>

/**
 * Blocks of the records of a scope. A write replaces a block; a search reads all of it. Full segments are written once,
 * and a search reads only the postings of its terms.
 *
 * The rows of segments that searches read stay in memory, if this connection alone writes the file. Removals from a
 * segment drop its head, and a search within a transaction adds none, so that all of them are committed. Blocks do not
 * stay: searches of many small scopes would replace one by another all the time.
 */
export function openBlocks(db: DatabaseSync, { isReadOnly }: { isReadOnly: boolean }) {
  const get = db.prepare('SELECT data FROM search_blocks WHERE no = ?')
  const put = db.prepare('INSERT OR REPLACE INTO search_blocks VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM search_blocks WHERE no >= ? AND no < ?')
  const range = db.prepare('SELECT data FROM search_blocks WHERE no >= ? AND no < ?')
  const opened = new LRUCache<number, Scannable | Bucket>({ maxSize: MAX_BYTES })

  const read = (key: number) => get.get(key)?.['data'] as Uint8Array | undefined
  /** @param open the same for every call with this key */
  function openRow<T extends Scannable | Bucket>(key: number, open: (bytes: Uint8Array) => T): T | undefined {
    const known = opened.get(key)
    if (known) return known as T
    const bytes = read(key)
    if (!bytes) return undefined
    const row = open(bytes)
    if (!isReadOnly && !db.isTransaction) opened.set(key, row, { size: bytes.length + OVERHEAD_BYTES })
    return row
  }

  const blockKey = (row: ScopeRow, block: number) => rangeOf(row)[0] + block
  const segmentKey = (row: ScopeRow, segment: number) =>
    rangeOf(row)[0] + FIRST_SEGMENT + segment * KEYS_PER_SEGMENT

  function readRemoved(key: number): Uint16Array {
    const bytes = read(key + REMOVED)
    return bytes ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : new Uint16Array()
  }

  function toSegment(key: number, bytes: Uint8Array): Scannable {
    const head = new Head(wordsOf(bytes, Uint32Array))
    const removed = new Set(readRemoved(key))
    const removal = (number: number) => Number(removed.has(number % SEGMENT_SIZE))
    const isRemoved = removed.size > 0 ? Uint8Array.from(head.numbers.map(removal)) : undefined
    const postings = (term: number) =>
      openRow(key + FIRST_BUCKET + (term >>> (32 - SEGMENT_BITS)), bucketOf) ?? NO_POSTINGS
    return toScannable(head, postings, isRemoved)
  }

  return {
    clear(row: ScopeRow): void {
      const [from, to] = rangeOf(row)
      for (const key of [...opened.keys()]) if (key >= from && key < to) opened.delete(key)
      remove.run(from, to)
    },
    getBlock: (row: ScopeRow, block: number) => read(blockKey(row, block)),
    putBlock(row: ScopeRow, block: number, entries: ReadonlyMap<number, Scanned>, dimensions: number): void {
      const key = blockKey(row, block)
      if (entries.size > 0) put.run(key, blockToBytes(entries, dimensions))
      else remove.run(key, key + 1)
    },
    /** Replaces the blocks of the segment. */
    putSegment(
      row: ScopeRow,
      segment: number,
      entries: ReadonlyMap<number, Scanned>,
      dimensions: number,
    ): void {
      const block = blockKey(row, segment * BLOCKS_PER_SEGMENT)
      remove.run(block, block + BLOCKS_PER_SEGMENT)
      if (entries.size === 0) return
      const key = segmentKey(row, segment)
      const { head, buckets } = segmentToBytes(entries, dimensions)
      put.run(key, head)
      for (const [bucket, bytes] of buckets) put.run(key + FIRST_BUCKET + bucket, bytes)
    },
    removeFromSegment(row: ScopeRow, segment: number, numbers: readonly number[]): void {
      const key = segmentKey(row, segment)
      const all = [...readRemoved(key), ...numbers.map((number) => number % SEGMENT_SIZE)]
      put.run(key + REMOVED, new Uint8Array(Uint16Array.from(all).buffer))
      opened.delete(key)
    },
    *all(row: ScopeRow): Generator<Scannable> {
      const segments = segmentOf(row.next)
      for (let segment = 0; segment < segments; segment++) {
        const key = segmentKey(row, segment)
        const found = openRow(key, (bytes) => toSegment(key, bytes))
        if (found) yield found
      }
      const blocks = [blockKey(row, segments * BLOCKS_PER_SEGMENT), blockKey(row, FIRST_SEGMENT)] as const
      for (const { data } of range.iterate(...blocks)) {
        const block = new Block(data as Uint8Array)
        yield toScannable(block.head, (key) => block.postings(key), undefined)
      }
    },
  }
}

function toScannable(
  head: Head,
  postings: Scannable['postings'],
  isRemoved: Scannable['isRemoved'],
): Scannable {
  let [live, liveTerms] = [0, 0]
  for (let i = 0; i < head.count; i++) {
    if (isRemoved?.[i] === 1) continue
    live += 1
    liveTerms += head.termCounts[i] as number
  }
  return { head, postings, isRemoved, live, liveTerms }
}

/** Numbers of the entries and blocks of a scope: the first one, and the end, exclusive. */
export function rangeOf({ no }: Pick<ScopeRow, 'no'>): [first: number, end: number] {
  return [no * NUMBERS_PER_SCOPE, (no + 1) * NUMBERS_PER_SCOPE]
}

export function blockOf(number: number): number {
  return Math.floor(number / BLOCK_SIZE)
}

export function segmentOf(number: number): number {
  return Math.floor(number / SEGMENT_SIZE)
}
