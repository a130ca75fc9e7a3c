import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { openSqliteRecords } from '../../../sidecar/adapters/sqlite/records.ts'
import { readMemory } from '../../../sidecar/memory/repositories/memories.ts'
import { searchEntriesOf } from '../../../sidecar/memory/search/entry.ts'
import { updateSearchIndex } from '../../../sidecar/memory/store/search-index.ts'
import { type RecordStore, type StoredRecord, scrollAll } from '../../../sidecar/ports/records.ts'
import { openSidecar } from '../../helpers/sidecar.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

/*
 * The fixture is a DATA_DIR of the last version without search entries. Three users said 30 sentences in turn; ada's
 * first memory was corrected to Lisbon, and what the assistant said to ada was deleted.
 */
const FIXTURE = fileURLToPath(new URL('../../fixtures/data-folder-without-search-entries', import.meta.url))

const TOWNS = ['Porto', 'Kyoto', 'Oslo', 'Quito', 'Riga', 'Sofia', 'Tunis', 'Turin', 'Vienna', 'Zagreb']

const EXPECTED = Object.fromEntries(
  ['ada', 'bob', 'cleo'].map((user, u) => {
    const said = Array.from({ length: 10 }, (_, i) => {
      const number = 3 * i + u
      return `My friend number ${number + 1} lives in ${TOWNS[number % 10]}.`
    })
    return user === 'ada'
      ? [user, ['My friend number 1 moved to Lisbon.', ...said.slice(1)].sort()]
      : [user, ['I will remember that.', ...said].sort()]
  }),
)

function copyOfFixture(): string {
  const folder = join(tempDir(), 'data')
  cpSync(FIXTURE, folder, { recursive: true })
  return folder
}

function open(folder: string): RecordStore {
  return openSqliteRecords(join(folder, 'hippocache.db'))
}

async function memoriesOf(records: RecordStore, user: string): Promise<StoredRecord[]> {
  return await Array.fromAsync(scrollAll(records, 'memories', `default/${user}`))
}

async function update(records: RecordStore) {
  const progress: [scopes: number, memories: number][] = []
  const invalid: string[] = []
  await updateSearchIndex(
    records,
    createInProcessScopeLock(),
    ({ message }) => invalid.push(message),
    (...done) => progress.push(done),
  )
  return { progress, invalid }
}

describe('a data folder without search entries', () => {
  it('answers the first recall after the start fully, and the one after a restart', async () => {
    const folder = copyOfFixture()
    for (const life of ['first', 'second']) {
      const sidecar = await openSidecar({ DATA_DIR: folder, LOG_LEVEL: 'info' })
      for (const [user, expected] of Object.entries(EXPECTED)) {
        const query = { user_id: user, query: 'Where do my friends live?', strategy: 'per_query', top_k: 50 }
        const { body } = await sidecar.call('POST', '/v1/recall', query)
        expect(body).toMatchObject({ status: 'ok', degraded: [] })
        const texts = body.memories.map(({ memory }: { memory: string }) => memory).sort()
        expect(texts, `${user}, ${life} start`).toEqual(expected)
      }
      const town = { user_id: 'cleo', query: 'Who lives in Riga?' }
      const { body } = await sidecar.call('POST', '/v1/memories/search', town)
      expect(body.memories[0].memory).toBe('My friend number 15 lives in Riga.')
      await sidecar.close()
      const log = sidecar.err()
      expect(log.includes('memories indexed for search'), `${life} start`).toBe(life === 'first')
    }
  })

  it('gets the entries of this version; payloads, vectors and order stay', async () => {
    const records = open(copyOfFixture())
    const before = await memoriesOf(records, 'ada')
    expect(before.map(({ search }) => search)).toEqual(before.map(() => undefined))
    expect(await update(records)).toEqual({
      progress: [
        [1, 10],
        [2, 21],
        [3, 32],
      ],
      invalid: [],
    })
    const entries = await searchEntriesOf(before.map((record) => readMemory(record).memory))
    expect(await memoriesOf(records, 'ada')).toEqual(
      before.map((record, i) => ({ ...record, search: entries[i] })),
    )
    expect(await update(records)).toEqual({ progress: [], invalid: [] })
    await records.close()
  })

  it.each([0, 1, 2, 3])('is indexed by the next start if one stops after %i commits', async (count) => {
    const folder = copyOfFixture()
    const first = open(folder)
    let commits = 0
    const dying: RecordStore = {
      ...first,
      async commit(writes) {
        if (commits === count) throw new Error('killed')
        commits += 1
        await first.commit(writes)
      },
    }
    await expect(update(dying)).rejects.toThrow('killed')
    await first.close()
    const second = open(folder)
    await update(second)
    for (const user of Object.keys(EXPECTED)) {
      const query = { terms: new Map(), limit: 100 }
      const { candidates, total } = await second.search(`default/${user}`, query)
      expect([candidates.length, total]).toEqual([EXPECTED[user]?.length, EXPECTED[user]?.length])
    }
    await second.close()
  })

  it('is indexed without its invalid memories, which are reported', async () => {
    const folder = copyOfFixture()
    const db = new DatabaseSync(join(folder, 'hippocache.db'))
    db.exec(`UPDATE records SET payload = '{}' WHERE rowid = (
      SELECT rowid FROM records WHERE scope = 'default/bob' AND collection = 'memories' LIMIT 1)`)
    db.close()
    const records = open(folder)
    const { invalid, progress } = await update(records)
    expect(invalid).toEqual([expect.stringMatching(/^Record .* in collection memories is invalid/)])
    expect(progress.at(-1)).toEqual([3, 31])
    await records.close()
  })
})
