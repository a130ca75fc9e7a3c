import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openRecordTable } from '../../../../sidecar/adapters/sqlite/record-table.ts'
import { SEGMENT_SIZE } from '../../../../sidecar/adapters/sqlite/search/blocks.ts'
import type { SearchAnswer } from '../../../../sidecar/adapters/sqlite/search/search.ts'
import type { Write } from '../../../../sidecar/ports/records.ts'
import { SCOPE } from '../../../contract/records-subject.ts'
import { entry, query } from '../../../contract/search.ts'
import { tempDir } from '../../../helpers/temp-dir.ts'

/** Enough that the scope has blocks. */
const RECORDS = 300
const [OLD, NEW, OTHER] = [1, 2, 3]

const versions = (term: number, count = RECORDS) =>
  Array.from({ length: count }, (_, i) => entry(`r${i}`, [term], { order: i }))
const removals = (count: number) =>
  Array.from({ length: count }, (_, i): Write => ({ remove: `r${i}`, collection: 'memories', scope: SCOPE }))

function open(path = ':memory:', isReadOnly = false) {
  const table = openRecordTable(path, { isReadOnly })
  onTestFinished(() => table.close())
  const commit = (writes: readonly Write[]) => {
    table.db.exec('BEGIN IMMEDIATE')
    table.writes['commit']?.(writes)
    table.db.exec('COMMIT')
  }
  /** Writes versions of the term `OLD` to a segment, and fills it by skipping the rest of its numbers. */
  const fillSegment = () => {
    commit(versions(OLD))
    table.db.exec(`UPDATE search_scopes SET next = ${SEGMENT_SIZE - 1}`)
    commit([entry('last', [OTHER]), entry('next', [OTHER])])
  }
  /** Numbers of records with each term. */
  const frequencies = () => {
    const found = table.reads['search']?.(SCOPE, query({ terms: [OLD, NEW], limit: 10 }))
    const { frequencies } = found as SearchAnswer
    return [frequencies?.get(OLD), frequencies?.get(NEW)]
  }
  return { ...table, commit, fillSegment, frequencies }
}

it('finds nothing of a transaction that was rolled back after a search within it', () => {
  const { db, writes, fillSegment, frequencies } = open()
  fillSegment()
  expect(frequencies()).toEqual([RECORDS, 0])
  db.exec('BEGIN IMMEDIATE')
  writes['commit']?.(versions(NEW, 100))
  expect(frequencies()).toEqual([RECORDS - 100, 100])
  db.exec('ROLLBACK')
  expect(frequencies()).toEqual([RECORDS, 0])
})

it('finds records as they are after they are replaced, removed in whole blocks, and all blocks are built again', () => {
  const { commit, fillSegment, frequencies } = open()
  fillSegment()
  frequencies()
  commit(versions(NEW, 10))
  expect(frequencies()).toEqual([RECORDS - 10, 10])
  commit(removals(140))
  expect(frequencies()).toEqual([RECORDS - 140, 0])
  // Without blocks, and then with new ones.
  commit(removals(200))
  commit(versions(NEW))
  expect(frequencies()).toEqual([0, RECORDS])
  commit(versions(OLD))
  expect(frequencies()).toEqual([RECORDS, 0])
})

it('finds what another process writes to a file that is opened only for reading', () => {
  const path = join(tempDir(), 'records.db')
  const { commit, fillSegment } = open(path)
  fillSegment()
  const reader = open(path, true)
  expect(reader.frequencies()).toEqual([RECORDS, 0])
  commit(versions(NEW, 10))
  expect(reader.frequencies()).toEqual([RECORDS - 10, 10])
})
