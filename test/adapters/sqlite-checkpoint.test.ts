import { cpSync, fdatasync, fstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { openSqliteRecords } from '../../sidecar/adapters/records/sqlite.ts'
import type { SyncFile } from '../../sidecar/adapters/records/sqlite-sync.ts'
import { put } from '../contracts/records.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const SCOPE = 'default/ada'
const FILES = ['records.db', 'records.db-wal'] as const

/** A machine that can lose its power: knows what of each file the disk has confirmed. */
function machine() {
  const folder = tempDir()
  const path = join(folder, 'records.db')
  const confirmed = new Map<string, Buffer>()
  const counts = new Map<string, number>()
  const syncFile: SyncFile = async (fd) => {
    const { ino } = fstatSync(fd)
    const file = FILES.map((name) => join(folder, name)).find((one) => statSync(one).ino === ino) as string
    const content = readFileSync(file)
    // The database has many pages and takes longer: commits come meanwhile.
    if (basename(file) === 'records.db') await new Promise((resolve) => setTimeout(resolve, 20))
    await promisify(fdatasync)(fd)
    confirmed.set(basename(file), content)
    counts.set(basename(file), (counts.get(basename(file)) ?? 0) + 1)
  }
  let crashes = 0
  /** What is found after the power comes back, where of each file all that was written is there, or only what was confirmed. */
  async function afterCrash(written: readonly string[]): Promise<Set<string>> {
    crashes += 1
    const found = join(folder, `crash-${crashes}`)
    mkdirSync(found)
    for (const name of FILES) {
      const content = written.includes(name) ? undefined : confirmed.get(name)
      if (content) writeFileSync(join(found, name), content)
      else cpSync(join(folder, name), join(found, name))
    }
    const store = openSqliteRecords(join(found, 'records.db'))
    const page = await store.scroll('memories', SCOPE, { limit: 10_000 })
    await store.close()
    assertWhole(join(found, 'records.db'))
    return new Set(page.map(({ id }) => id))
  }
  /** What is there at the beginning is on disk. */
  function begin(): void {
    for (const name of FILES) confirmed.set(name, readFileSync(join(folder, name)))
  }
  return { path, begin, syncFile, counts, afterCrash }
}

function assertWhole(path: string): void {
  const db = new DatabaseSync(path)
  expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  db.close()
}

describe('the log of SQLite', () => {
  it.each([
    { logPages: 0, isCalm: false },
    { logPages: 0, isCalm: true },
    { logPages: 1_000_000, isCalm: false },
    // Everything is copied before the next commit, which begins the log anew.
    { logPages: 1_000_000, isCalm: true },
  ])(
    'is copied while commits go on, and a machine that loses its power at any moment has all that was acknowledged (%j)',
    async ({ logPages, isCalm }) => {
      const { path, begin, syncFile, counts, afterCrash } = machine()
      const acknowledged = new Set<string>()
      /** Of lazy commits, which the next one of another kind makes sure of. */
      let unsure: string[] = []
      const lost: string[] = []
      const crash = async () => {
        const sure = [...acknowledged]
        for (const written of [[], ['records.db'], ['records.db-wal'], FILES]) {
          const found = await afterCrash(written)
          lost.push(...sure.filter((id) => !found.has(id)))
        }
      }
      let syncing = 0
      const store = openSqliteRecords(path, {
        checkpointRows: 40,
        logPages,
        syncFile: async (fd) => {
          syncing += 1
          // Before something becomes certain, and when it just has.
          await crash()
          await syncFile(fd)
          await crash()
          syncing -= 1
        },
      })
      begin()
      for (let group = 0; group < 50; group++) {
        const lazy = `${group}-lazy`
        await store.commit([put(lazy)], { isLazy: true })
        unsure.push(lazy)
        if (group % 3 === 2) continue
        const before = unsure
        unsure = []
        await Promise.all(
          [0, 1].map(async (nth) => {
            const id = `${group}-${nth}`
            await store.commit([put(id, { payload: { text: 'x'.repeat(900) } })])
            for (const one of [id, ...before]) acknowledged.add(one)
          }),
        )
        while (isCalm && syncing > 0) await new Promise(setImmediate)
      }
      await store.commit([])
      for (const id of unsure) acknowledged.add(id)
      await crash()
      expect(lost).toEqual([])
      const size = statSync(`${path}-wal`).size
      if (logPages === 0) {
        // Each time that it began anew the database was synced before. It is what 118 rows take, of a page or two.
        expect(counts.get('records.db')).toBeGreaterThanOrEqual(2)
        expect(size).toBeLessThan(110 * 4096)
      }
      await store.close()
      const again = openSqliteRecords(path)
      expect(await again.scroll('memories', SCOPE, { limit: 10_000 })).toHaveLength(118)
      await again.close()
    },
    30_000,
  )

  it('does not hold commits back while most of it is copied', async () => {
    const { path } = machine()
    const waiting: (() => void)[] = []
    let isSlow = false
    const ino = () => statSync(path).ino
    const store = openSqliteRecords(path, {
      checkpointRows: 3,
      logPages: 0,
      syncFile: async (fd) => {
        // The disk takes its time for the database, not for the log.
        if (isSlow && fstatSync(fd).ino === ino()) await new Promise<void>((resolve) => waiting.push(resolve))
      },
    })
    isSlow = true
    await store.commit([put('a'), put('b'), put('c')])
    while (waiting.length === 0) await new Promise(setImmediate)
    await store.commit([put('d')])
    expect(await store.get('memories', SCOPE, 'd')).toMatchObject({ id: 'd' })
    waiting.shift()?.()
    while (waiting.length === 0) await new Promise(setImmediate)
    await store.commit([put('e')])
    // The rest is short, and a commit waits for it.
    waiting.shift()?.()
    while (waiting.length === 0) await new Promise(setImmediate)
    let isDone = false
    const last = store.commit([put('f')]).then(() => {
      isDone = true
    })
    for (let i = 0; i < 20; i++) await new Promise(setImmediate)
    expect(isDone).toBe(false)
    isSlow = false
    waiting.shift()?.()
    await last
    await store.close()
  })

  it('that cannot be copied takes no more writes, and keeps what it has', async () => {
    const { path } = machine()
    let isBroken = false
    const store = openSqliteRecords(path, {
      checkpointRows: 3,
      logPages: 0,
      syncFile: async (fd) => {
        if (isBroken && fstatSync(fd).ino === statSync(path).ino) throw new Error('EIO: i/o error')
      },
    })
    isBroken = true
    await store.commit([put('a'), put('b'), put('c')])
    for (let i = 0; i < 50; i++) await new Promise(setImmediate)
    await expect(store.commit([put('d')])).rejects.toMatchObject({ code: 'backend_unavailable' })
    await store.close()
    const again = openSqliteRecords(path)
    expect((await again.scroll('memories', SCOPE, { limit: 10 })).map(({ id }) => id)).toEqual([
      'a',
      'b',
      'c',
    ])
    await again.close()
  })
})
