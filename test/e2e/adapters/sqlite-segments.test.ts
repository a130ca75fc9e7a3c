import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { openSqliteRecords } from '../../../sidecar/adapters/sqlite/records.ts'
import { SEGMENT_SIZE } from '../../../sidecar/adapters/sqlite/search/blocks.ts'
import type { RecordStore, SearchQuery, Write } from '../../../sidecar/ports/records.ts'
import { put, SCOPE } from '../../contract/records.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const COUNT = SEGMENT_SIZE + 1000
const TENTH = 7
const own = (i: number) => 1000 + i

function record(i: number, terms: readonly number[], angle: number): Write {
  return put(`r${i}`, {
    order: i,
    payload: { n: i },
    dense: Float32Array.of(Math.cos(angle), Math.sin(angle)),
    search: {
      terms: Uint32Array.from(terms),
      context: Uint32Array.of(own(i - 1)),
      grams: new Uint16Array(),
      features: { n: i },
    },
  })
}

async function search(store: RecordStore, terms: readonly number[], rest: Partial<SearchQuery> = {}) {
  const query = { limit: 100, ...rest, terms: new Map(terms.map((term) => [term, 1])) }
  const { candidates, frequencies, total } = await store.search(SCOPE, query)
  const numbers = candidates.map(({ search }) => search.features['n'] as number).sort((a, b) => a - b)
  return { numbers, frequencies: [...(frequencies?.values() ?? [])], total }
}

it('searches a scope of more than one segment, and sees later changes of it, also in a file of an earlier version', async () => {
  const path = join(tempDir(), 'records.db')
  const store = openSqliteRecords(path)
  for (let from = 0; from < COUNT; from += 1000) {
    const to = Math.min(COUNT, from + 1000)
    const writes = Array.from({ length: to - from }, (_, k) => {
      const i = from + k
      return record(i, i % 10 === 0 ? [own(i), TENTH] : [own(i)], (3 * i) / COUNT)
    })
    await store.commit(writes)
  }
  const tenth = Math.ceil(COUNT / 10)
  const last = COUNT - 1
  expect(await search(store, [own(5), own(last), TENTH], { limit: 4 })).toMatchObject({
    numbers: expect.arrayContaining([5, last]),
    frequencies: [1, 1, tenth],
    total: COUNT,
  })
  expect((await search(store, [own(4)])).numbers).toEqual([4, 5])

  await store.commit([
    { remove: 'r10', collection: 'memories', scope: SCOPE },
    record(20, [own(30_000)], 4),
    record(last, [own(30_001)], 1),
  ])
  const check = async (each: RecordStore) => {
    const changed = await search(each, [own(10), own(20), own(30_000), own(30_001), TENTH])
    expect(changed.frequencies).toEqual([0, 0, 1, 1, tenth - 2])
    expect(changed.numbers).toEqual(expect.arrayContaining([11, 20, 21, last]))
    expect(changed.numbers).not.toContain(10)
    expect(changed.total).toBe(COUNT - 1)
    const nearest = await search(each, [], { dense: Float32Array.of(Math.cos(4), Math.sin(4)), limit: 1 })
    expect(nearest.numbers).toEqual([20])
    const where = { path: ['n'], equals: [11, 12_345, last] }
    expect((await search(each, [TENTH, own(11)], { where, dense: Float32Array.of(1, 0) })).numbers).toEqual([
      11,
      12_345,
      last,
    ])
  }
  await check(store)
  await store.close()
  const checkFile = async () => {
    const again = openSqliteRecords(path)
    await check(again)
    await again.close()
  }
  await checkFile()

  // Version 5 had blocks of another layout.
  const db = new DatabaseSync(path)
  db.exec('UPDATE search_blocks SET data = zeroblob(8); PRAGMA user_version = 5')
  db.close()
  await checkFile()
}, 60_000)
