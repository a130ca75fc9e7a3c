import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { SqliteClient } from '../../../sidecar/adapters/sqlite/client.ts'
import { openSqliteQueue } from '../../../sidecar/adapters/sqlite/queue.ts'
import { openSqliteRecords } from '../../../sidecar/adapters/sqlite/records.ts'
import { testContract } from '../../contract/contract.ts'
import { put, RECORD_CASES, SCOPE } from '../../contract/records.ts'
import { NEIGHBOUR_CASES, SEARCH_CASES } from '../../contract/search.ts'
import { DEFINITION_CASES } from '../../contract/search-definition.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const CASES = [...RECORD_CASES, ...SEARCH_CASES, ...DEFINITION_CASES, ...NEIGHBOUR_CASES]

testContract('SQLite', CASES, async () => {
  const path = join(tempDir(), 'data', 'records.db')
  let store = openSqliteRecords(path)
  return {
    subject: {
      store,
      async reopen() {
        await store.close()
        store = openSqliteRecords(path)
        return store
      },
    },
    close: () => store.close(),
  }
})

const idsOf = async (store: ReturnType<typeof openSqliteRecords>) =>
  (await store.scroll('memories', SCOPE, { limit: 100 })).map(({ id }) => id)

const BROKEN = put('fraction', { order: 1.5 })

describe('group commit', () => {
  it('rejects only the commit with a bad write, and stores nothing of it', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    // The worker is still opening the file, so that all commits are processed as one group.
    const outcomes = await Promise.allSettled([
      store.commit([put('a')]),
      store.commit([put('b'), BROKEN]),
      store.commit([put('c')]),
    ])
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'backend_unavailable' } },
      { status: 'fulfilled' },
    ])
    await store.close()
    const again = openSqliteRecords(path)
    expect(await idsOf(again)).toEqual(['a', 'c'])
    await again.close()
  })

  it('runs reads in their place between the commits', async () => {
    const store = openSqliteRecords(':memory:')
    const [, before, , after] = await Promise.all([
      store.commit([put('a')]),
      idsOf(store),
      store.commit([put('b')]),
      idsOf(store),
    ])
    expect([before, after]).toEqual([['a'], ['a', 'b']])
    await store.close()
  })

  it('stores what fits on a full disk, names the reason for the rest, and continues', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    await store.commit([put('before')])
    await store.close()
    const limited = openSqliteRecords(path, { maxPages: 20 })
    const big = put('big', { payload: { text: 'x'.repeat(200_000) } })
    const outcomes = await Promise.allSettled([
      limited.commit([put('first')]),
      limited.commit([put('half'), big]),
      limited.commit([put('last')]),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({
      reason: {
        code: 'backend_unavailable',
        message:
          'The record store could not write; nothing was stored: there is no room on the disk of DATA_DIR (database or disk is full).',
      },
    })
    await limited.check()
    await limited.close()
    const again = openSqliteRecords(path)
    expect(await idsOf(again)).toEqual(['before', 'first', 'last'])
    await again.commit([big])
    await again.close()
  })

  it('finishes what is queued before it closes', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    const commits = ['a', 'b', 'c'].map((id) => store.commit([put(id)]))
    await store.close()
    await Promise.all(commits)
    const again = openSqliteRecords(path)
    expect(await idsOf(again)).toEqual(['a', 'b', 'c'])
    await again.close()
  })
})

describe('a SQLite thread that stops', () => {
  it('rejects pending and later calls and the check of both stores, and loses no commit', async () => {
    const path = join(tempDir(), 'records.db')
    const client = new SqliteClient()
    const store = openSqliteRecords(path, { client })
    const queue = openSqliteQueue({ path: join(tempDir(), 'queue.db'), concurrency: 1, client })
    await store.commit([put('a')])
    const pending = store.get('memories', SCOPE, 'a')
    const outcome = expect(pending).rejects.toMatchObject({ code: 'backend_unavailable' })
    await client.worker.terminate()
    await outcome
    const stopped =
      /The SQLite thread has stopped \(exit code 1\); the store can be used again after a restart/
    await expect(store.check()).rejects.toThrow(stopped)
    await expect(store.commit([put('b')])).rejects.toMatchObject({ code: 'backend_unavailable' })
    await expect(queue.check()).rejects.toThrow(stopped)
    await expect(queue.schedule('k', 0)).rejects.toThrow(stopped)
    const again = openSqliteRecords(path, { client: new SqliteClient() })
    expect(await idsOf(again)).toEqual(['a'])
    await again.close()
  })
})

describe('the records file', () => {
  it('is upgraded from schema version 2 with its records', async () => {
    const path = join(tempDir(), 'records.db')
    const db = new DatabaseSync(path)
    db.exec(`CREATE TABLE records (collection TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL,
        payload TEXT NOT NULL, dense BLOB, sparse BLOB, PRIMARY KEY (collection, scope, id)) WITHOUT ROWID, STRICT;
      CREATE INDEX records_in_order ON records (collection, scope, position, id); PRAGMA user_version = 2`)
    const insert = db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)')
    const dense = new Uint8Array(new Float32Array([1, 2]).buffer)
    for (const [scope, id, position] of [
      ['default/ada', 'late', 2],
      ['default/bob', 'other', 1],
      ['default/ada', 'early', 1],
    ] as const) {
      insert.run('memories', scope, id, position, '{"text":"said"}', dense, new Uint8Array(8))
    }
    db.close()
    const store = openSqliteRecords(path)
    const found = await store.scroll('memories', 'default/ada', { limit: 10 })
    expect(found.map(({ id }) => id)).toEqual(['early', 'late'])
    expect(found[0]).toMatchObject({ payload: { text: 'said' }, dense: new Float32Array([1, 2]) })
    expect(await store.scopes('memories', { limit: 10 })).toEqual(['default/ada', 'default/bob'])
    await store.close()
  })

  it('keeps no name of an empty scope', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    await store.commit([put('a'), put('b')])
    await store.commit([{ remove: 'a', collection: 'memories', scope: SCOPE }])
    expect(await store.scopes('memories', { limit: 10 })).toEqual([SCOPE])
    // One commit empties and refills the scope, the next one empties it.
    await store.commit([{ remove: 'b', collection: 'memories', scope: SCOPE }, put('c')])
    expect(await store.scopes('memories', { limit: 10 })).toEqual([SCOPE])
    await store.commit([{ remove: 'c', collection: 'memories', scope: SCOPE }])
    await store.close()
    const db = new DatabaseSync(path)
    expect(db.prepare('SELECT * FROM scopes').all()).toEqual([])
    db.close()
  })
})
