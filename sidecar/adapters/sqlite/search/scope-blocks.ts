import type { DatabaseSync } from 'node:sqlite'
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
}

/** Keys of the rows of a segment: its head, the numbers of removed records, and the buckets. */
const FIRST_SEGMENT = 2 ** 20
const KEYS_PER_SEGMENT = 2 ** (SEGMENT_BITS + 1)
const REMOVED = 1
const FIRST_BUCKET = 2

const BLOCKS_PER_SEGMENT = SEGMENT_SIZE / BLOCK_SIZE
const NO_POSTINGS = bucketOf(new Uint8Array())

/**
 * Blocks of the records of a scope. A write replaces a block; a search reads all of it. Full segments are written once,
 * and a search reads only the postings of its terms.
 */
export function openBlocks(db: DatabaseSync) {
  const get = db.prepare('SELECT data FROM search_blocks WHERE no = ?')
  const put = db.prepare('INSERT OR REPLACE INTO search_blocks VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM search_blocks WHERE no >= ? AND no < ?')
  const range = db.prepare('SELECT data FROM search_blocks WHERE no >= ? AND no < ?')

  const read = (key: number) => get.get(key)?.['data'] as Uint8Array | undefined
  const blockKey = (row: ScopeRow, block: number) => rangeOf(row)[0] + block
  const segmentKey = (row: ScopeRow, segment: number) =>
    rangeOf(row)[0] + FIRST_SEGMENT + segment * KEYS_PER_SEGMENT

  function readRemoved(key: number): Uint16Array {
    const bytes = read(key + REMOVED)
    return bytes ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) : new Uint16Array()
  }

  function toSegment(key: number): Scannable | undefined {
    const bytes = read(key)
    if (!bytes) return undefined
    const head = new Head(wordsOf(bytes, Uint32Array))
    const removed = readRemoved(key)
    const isRemoved = removed.length > 0 ? new Uint8Array(head.count) : undefined
    if (isRemoved) {
      const gone = new Set(removed)
      for (let i = 0; i < head.count; i++) {
        isRemoved[i] = Number(gone.has((head.numbers[i] as number) % SEGMENT_SIZE))
      }
    }
    return {
      head,
      postings: (term) => {
        const postings = read(key + FIRST_BUCKET + (term >>> (32 - SEGMENT_BITS)))
        return postings ? bucketOf(postings) : NO_POSTINGS
      },
      isRemoved,
    }
  }

  return {
    clear: (row: ScopeRow) => void remove.run(...rangeOf(row)),
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
    },
    *all(row: ScopeRow): Generator<Scannable> {
      const segments = segmentOf(row.next)
      for (let segment = 0; segment < segments; segment++) {
        const found = toSegment(segmentKey(row, segment))
        if (found) yield found
      }
      for (const { data } of range.iterate(
        blockKey(row, segments * BLOCKS_PER_SEGMENT),
        blockKey(row, FIRST_SEGMENT),
      )) {
        const block = new Block(data as Uint8Array)
        yield { head: block.head, postings: (key) => block.postings(key), isRemoved: undefined }
      }
    },
  }
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
