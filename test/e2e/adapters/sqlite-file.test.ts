import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { openSqliteRecords } from '../../../sidecar/adapters/sqlite/records.ts'
import { put, SCOPE } from '../../contract/records.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const ADAPTER = new URL('../../../sidecar/adapters/sqlite/records.ts', import.meta.url).href

/** Runs code with a `store` on the file in a process of its own. */
function run(path: string, code: string, shell = 'exec "$0" --input-type=module -e "$1"') {
  const program = `
    const { openSqliteRecords } = await import(${JSON.stringify(ADAPTER)})
    const store = openSqliteRecords(${JSON.stringify(path)})
    const put = (id, text) => ({ put: { id, order: 1, payload: { text } }, collection: 'memories', scope: ${JSON.stringify(SCOPE)} })
    ${code}`
  return spawnSync('bash', ['-c', shell, process.execPath, program], { encoding: 'utf8' })
}

const reasonOf = async (path: string) => await openSqliteRecords(path).check().then(String, String)

async function idsIn(path: string): Promise<string[]> {
  const store = openSqliteRecords(path)
  const page = await store.scroll('memories', SCOPE, { limit: 1000 })
  await store.close()
  return page.map(({ id }) => id)
}

describe('opening a SQLite file', () => {
  it('fails while another process owns it, says what to do, and works afterwards', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    await store.check()
    const second = run(path, 'await store.check()')
    expect(second.status).toBe(1)
    expect(second.stderr).toMatch(
      /^Error: DATA_DIR: cannot open .*records\.db: another process is using it .*DATA_DIR/m,
    )
    await store.commit([put('x')])
    await store.close()
    expect(run(path, 'await store.check()').status).toBe(0)
  })

  it('refuses a file of a newer version and leaves it unchanged', async () => {
    const path = join(tempDir(), 'records.db')
    const db = new DatabaseSync(path)
    db.exec('CREATE TABLE later (x); PRAGMA user_version = 99')
    db.close()
    expect(await reasonOf(path)).toMatch(
      /DATA_DIR: cannot open .*: it was written by a newer version \(schema 99/,
    )
    const again = new DatabaseSync(path)
    expect(again.prepare('SELECT name FROM sqlite_master').all()).toEqual([{ name: 'later' }])
    again.close()
  })

  it('refuses a file that is no database and leaves it unchanged', async () => {
    const path = join(tempDir(), 'records.db')
    const text = 'Dear diary, this is not a database. '.repeat(100)
    writeFileSync(path, text)
    expect(await reasonOf(path)).toMatch(/DATA_DIR: cannot open .*records\.db: .*not a database/)
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('names DATA_DIR when the folder cannot be created or the file cannot be opened', async () => {
    const file = join(tempDir(), 'a-file')
    writeFileSync(file, '')
    expect(await reasonOf(join(file, 'data', 'records.db'))).toMatch(
      /^Error: DATA_DIR: cannot open .*ENOTDIR/,
    )
    const folder = join(tempDir(), 'records.db')
    mkdirSync(folder)
    expect(await reasonOf(folder)).toMatch(/^Error: DATA_DIR: cannot open .*unable to open/)
  })

  it('reports the reason for every call', async () => {
    const store = openSqliteRecords(join('/dev/null', 'records.db'))
    await expect(store.commit([put('x')])).rejects.toMatchObject({
      code: 'backend_unavailable',
      message: expect.stringContaining('DATA_DIR: expected a folder, got a file'),
    })
    await expect(store.get('memories', SCOPE, 'x')).rejects.toThrow('DATA_DIR: expected a folder, got a file')
    await store.close()
  })
})

describe('a SQLite file', () => {
  it('holds every acknowledged commit after kill -9', async () => {
    const path = join(tempDir(), 'records.db')
    const killed = run(
      path,
      `let acknowledged = 0
      for (let i = 0; i < 500; i++) {
        void store.commit([put('r' + i, 'x'.repeat(3000))]).then(() => {
          acknowledged += 1
          if (acknowledged < 300) return
          process.stdout.write(String(acknowledged))
          process.kill(process.pid, 'SIGKILL')
        })
        if (i % 7 === 0) await new Promise(setImmediate)
      }
      setTimeout(() => {}, 60_000)`,
    )
    expect(killed).toMatchObject({ signal: 'SIGKILL', stderr: '' })
    const found = new Set(await idsIn(path))
    const acknowledged = Array.from({ length: 300 }, (_, i) => `r${i}`)
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([])
  })

  it('rejects a commit that the disk has no room for, stores nothing of it, and continues', async () => {
    const path = join(tempDir(), 'records.db')
    // A limit on the file size stands in for a full disk.
    const { stdout, signal, stderr } = run(
      path,
      `await store.commit([put('before', '')])
      await store.commit([put('half', ''), put('huge', 'x'.repeat(4e6))]).catch((error) => console.log(error.code))
      await store.commit([put('after', '')])
      process.kill(process.pid, 'SIGKILL')`,
      `trap '' XFSZ; ulimit -f 1000; exec "$0" --input-type=module -e "$1"`,
    )
    expect({ stdout, signal, stderr }).toEqual({
      stdout: 'backend_unavailable\n',
      signal: 'SIGKILL',
      stderr: '',
    })
    expect(await idsIn(path)).toEqual(['after', 'before'])
  })

  it('fails its check while the disk has no room', async () => {
    const path = join(tempDir(), 'records.db')
    // A limit on the file size stands in for a full disk.
    const { stdout, stderr } = run(
      path,
      `await store.check()
      let failure
      for (let i = 0; !failure; i++) await store.commit([put('r' + i, 'x'.repeat(1e5))]).catch((error) => { failure = error })
      console.log(failure.code, await store.check().catch(({ message }) => message))
      process.exit(0)`,
      `trap '' XFSZ; ulimit -f 1000; exec "$0" --input-type=module -e "$1"`,
    )
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^backend_unavailable cannot write: /)
  })

  it.each([
    ['deleted', (dir: string) => rmSync(dir, { recursive: true })],
    [
      'replaced by another file',
      (dir: string) => {
        cpSync(dir, `${dir}-copy`, { recursive: true })
        rmSync(dir, { recursive: true })
        renameSync(`${dir}-copy`, dir)
      },
    ],
  ])('refuses writes and fails its check once it was %s', async (problem, change) => {
    const dir = join(tempDir(), 'data')
    const store = openSqliteRecords(join(dir, 'records.db'))
    await store.commit([put('before')])
    change(dir)
    const reason = `the database file in DATA_DIR was ${problem} while the sidecar ran; restart the sidecar`
    await expect(store.commit([put('lost')])).rejects.toMatchObject({
      code: 'backend_unavailable',
      message: `The record store could not write; nothing was stored: ${reason}.`,
    })
    await expect(store.check()).rejects.toMatchObject({ message: reason })
    await store.close()
  })

  it('that is corrupt rejects reads with a message without file names', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path)
    const text = 'x'.repeat(2000)
    await store.commit(Array.from({ length: 100 }, (_, i) => put(`${i}`, { payload: { text } })))
    await store.close()
    writeFileSync(path, readFileSync(path).fill(0xff, 8 * 4096))
    const corrupt = openSqliteRecords(path)
    const unreadable = { code: 'backend_unavailable', message: 'The record store could not be read.' }
    await expect(corrupt.scroll('memories', SCOPE, { limit: 100 })).rejects.toMatchObject(unreadable)
    await expect(corrupt.get('memories', SCOPE, '99')).rejects.toMatchObject(unreadable)
    await corrupt.close()
  })

  it('is the only file with data after close', async () => {
    const dir = tempDir()
    const store = openSqliteRecords(join(dir, 'records.db'))
    await store.commit([put('x')])
    await store.close()
    expect(readdirSync(dir).sort()).toEqual(['records.db', 'records.db-lock'])
    expect(statSync(join(dir, 'records.db-lock')).size).toBe(0)
  })
})
