import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { openSqliteRecords } from '../../sidecar/adapters/records/sqlite.ts'
import { testContract } from '../contracts/contract.ts'
import { put, RECORD_CASES } from '../contracts/records.ts'
import { tempDir } from '../helpers/temp-dir.ts'

testContract('SQLite', RECORD_CASES, async () => {
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

const ADAPTER = new URL('../../sidecar/adapters/records/sqlite.ts', import.meta.url).href

describe('SQLite records', () => {
  it('refuse a second process, in words that say what to do, and let it in after the first', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    const second = openElsewhere(path)
    expect(second.status).toBe(1)
    expect(second.stderr).toMatch(
      /^Error: DATA_DIR: cannot open .*records\.db: another process is using it .*DATA_DIR/m,
    )
    await store.commit([put('x')])
    await store.close()
    expect(openElsewhere(path).status).toBe(0)
  })

  it('refuse a file of a newer version and leave it as it is', () => {
    const path = join(tempDir(), 'records.db')
    const db = new DatabaseSync(path)
    db.exec('CREATE TABLE later (x); PRAGMA user_version = 99')
    db.close()
    expect(() => openSqliteRecords(path)).toThrow(
      /DATA_DIR: cannot open .*: it was written by a newer version \(schema 99/,
    )
    const again = new DatabaseSync(path)
    expect(again.prepare('SELECT name FROM sqlite_master').all()).toEqual([{ name: 'later' }])
    again.close()
  })

  it('refuse a file that is no database and leave it as it is', () => {
    const path = join(tempDir(), 'records.db')
    const text = 'Dear diary, this is not a database. '.repeat(100)
    writeFileSync(path, text)
    expect(() => openSqliteRecords(path)).toThrow(/DATA_DIR: cannot open .*records\.db: .*not a database/)
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('name DATA_DIR when the folder cannot be made', () => {
    const file = join(tempDir(), 'a-file')
    writeFileSync(file, '')
    expect(() => openSqliteRecords(join(file, 'data', 'records.db'))).toThrow(
      /^DATA_DIR: cannot open .*ENOTDIR/,
    )
  })

  it('name DATA_DIR when the file cannot be opened', () => {
    const path = join(tempDir(), 'records.db')
    mkdirSync(path)
    expect(() => openSqliteRecords(path)).toThrow(/^DATA_DIR: cannot open .*unable to open/)
  })

  it('reject every commit of a group of which one write fails, and store nothing of it', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    const outcomes = await Promise.allSettled([
      store.commit([put('a')]),
      store.commit([put('b'), put('fraction', { order: 1.5 })]),
      store.commit([put('c')]),
    ])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'backend_unavailable' } })
    }
    expect(await store.scroll('memories', 'default/ada', { limit: 10 })).toEqual([])
    await store.commit([put('d')])
    await store.close()
    expect(await idsIn(path)).toEqual(['d'])
  })

  it('reject what the disk has no room for, store nothing of it, and go on', async () => {
    const path = join(tempDir(), 'records.db')
    // A limit on the size of files stands in for a full disk.
    const program = `
      const { openSqliteRecords } = await import(${JSON.stringify(ADAPTER)})
      const store = openSqliteRecords(${JSON.stringify(path)})
      const put = (id, text) => ({ put: { id, order: 1, payload: { text } }, collection: 'memories', scope: 'default/ada' })
      await store.commit([put('before', '')])
      await store.commit([put('half', ''), put('huge', 'x'.repeat(4e6))]).catch((error) => console.log(error.code))
      await store.commit([put('after', '')])
      process.kill(process.pid, 'SIGKILL')
    `
    const shell = `trap '' XFSZ; ulimit -f 1000; exec "$0" --input-type=module -e "$1"`
    const { stdout, signal, stderr } = spawnSync('bash', ['-c', shell, process.execPath, program], {
      encoding: 'utf8',
    })
    expect({ stdout, signal, stderr }).toEqual({
      stdout: 'backend_unavailable\n',
      signal: 'SIGKILL',
      stderr: '',
    })
    expect(await idsIn(path)).toEqual(['after', 'before'])
  })

  it('say that there is no room, lose nothing, and go on when there is', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    await store.commit([put('before')])
    await store.close()
    // The file is the whole disk: not one page more than it has.
    const full = openSqliteRecords(path, { maxPages: 1 })
    const big = put('big', { payload: { text: 'x'.repeat(100_000) } })
    await expect(full.commit([put('half'), big])).rejects.toMatchObject({
      code: 'backend_unavailable',
      message:
        'The record store could not write; nothing was stored: there is no room on the disk of DATA_DIR (database or disk is full).',
    })
    expect((await full.get('memories', 'default/ada', 'before'))?.payload).toEqual({ text: 'before' })
    await full.check()
    await full.close()
    const again = openSqliteRecords(path)
    await again.commit([big])
    await again.close()
    expect(await idsIn(path)).toEqual(['before', 'big'])
  })

  it('bring a file of the version before up to date, with all that is in it', async () => {
    const path = join(tempDir(), 'records.db')
    const db = new DatabaseSync(path)
    db.exec(`CREATE TABLE records (collection TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL,
        payload TEXT NOT NULL, dense BLOB, sparse BLOB, PRIMARY KEY (collection, scope, id)) WITHOUT ROWID, STRICT;
      CREATE INDEX records_in_order ON records (collection, scope, position, id); PRAGMA user_version = 2`)
    const insert = db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, NULL)')
    const dense = new Uint8Array(new Float32Array([1, 2]).buffer)
    for (const [scope, id, position] of [
      ['default/ada', 'late', 2],
      ['default/bob', 'other', 1],
      ['default/ada', 'early', 1],
    ] as const) {
      insert.run('memories', scope, id, position, '{"text":"said"}', dense)
    }
    db.close()
    const store = openSqliteRecords(path)
    const found = await store.scroll('memories', 'default/ada', { limit: 10 })
    expect(found.map(({ id }) => id)).toEqual(['early', 'late'])
    expect(found[0]).toMatchObject({ payload: { text: 'said' }, dense: new Float32Array([1, 2]) })
    expect(await store.scopes('memories', { limit: 10 })).toEqual(['default/ada', 'default/bob'])
    await store.close()
  })

  it('say that they cannot be read where the disk has spoilt them, so that whoever asks can do without', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    const text = 'x'.repeat(2000)
    await store.commit(Array.from({ length: 100 }, (_, i) => put(`${i}`, { payload: { text } })))
    await store.close()
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0xff, 8 * 4096))
    const spoilt = openSqliteRecords(path)
    const unread = { code: 'backend_unavailable', message: 'The record store could not be read.' }
    await expect(spoilt.scroll('memories', 'default/ada', { limit: 100 })).rejects.toMatchObject(unread)
    await expect(spoilt.get('memories', 'default/ada', '99')).rejects.toMatchObject(unread)
    await expect(
      spoilt.search('memories', 'default/ada', { dense: new Float32Array(2), limit: 3 }),
    ).rejects.toMatchObject(unread)
    await spoilt.close().catch(() => {})
  })

  it('keep no name of a scope that is empty', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    await store.commit([put('a'), put('b')])
    await store.commit([{ remove: 'a', collection: 'memories', scope: 'default/ada' }])
    expect(await store.scopes('memories', { limit: 10 })).toEqual(['default/ada'])
    // Emptied and filled at once, and emptied for good.
    await store.commit([{ remove: 'b', collection: 'memories', scope: 'default/ada' }, put('c')])
    expect(await store.scopes('memories', { limit: 10 })).toEqual(['default/ada'])
    await store.commit([{ remove: 'c', collection: 'memories', scope: 'default/ada' }])
    await store.close()
    const db = new DatabaseSync(path)
    expect(db.prepare('SELECT * FROM scopes').all()).toEqual([])
    db.close()
  })

  it('write only into their own folder', async () => {
    const dir = tempDir()
    const store = openSqliteRecords(join(dir, 'records.db'))
    await store.commit([put('x')])
    await store.close()
    // The write-ahead log is folded into the file at a clean close: the one file is the whole backup, the lock is empty.
    expect(readdirSync(dir).sort()).toEqual(['records.db', 'records.db-lock'])
    expect(statSync(join(dir, 'records.db-lock')).size).toBe(0)
  })
})

function openElsewhere(path: string) {
  const program = `const { openSqliteRecords } = await import(${JSON.stringify(ADAPTER)}); await openSqliteRecords(${JSON.stringify(path)}).close()`
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
}

async function idsIn(path: string): Promise<string[]> {
  const store = openSqliteRecords(path)
  const page = await store.scroll('memories', 'default/ada', { limit: 10 })
  await store.close()
  return page.map(({ id }) => id)
}
