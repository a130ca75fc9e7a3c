import { cpSync, fdatasync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { openSqliteRecords } from '../../sidecar/adapters/records/sqlite.ts'
import type { SyncFile } from '../../sidecar/adapters/records/sqlite-sync.ts'
import { put } from '../contracts/records.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const SCOPE = 'default/ada'

/** A disk that confirms when it is told to. */
function slowDisk() {
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  const begun = { count: 0 }
  const syncFile: SyncFile = async (fd) => {
    begun.count += 1
    await new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }))
    await promisify(fdatasync)(fd)
  }
  return {
    syncFile,
    begun,
    confirm: () => waiting.shift()?.resolve(),
    confirmLast: () => waiting.pop()?.resolve(),
    fail: (error: Error) => waiting.shift()?.reject(error),
  }
}

const eventLoop = async () => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate)
}

describe('a commit of SQLite', () => {
  it('is acknowledged when the disk has confirmed it, and seen by reads before', async () => {
    const disk = slowDisk()
    const store = openSqliteRecords(join(tempDir(), 'records.db'), { syncFile: disk.syncFile })
    let acknowledged = false
    const committing = store.commit([put('a')]).then(() => {
      acknowledged = true
    })
    await eventLoop()
    expect(disk.begun.count).toBe(1)
    expect(acknowledged).toBe(false)
    expect(await store.get('memories', SCOPE, 'a')).toMatchObject({ id: 'a' })
    disk.confirm()
    await committing
    await store.close()
  })

  it('that comes during two syncs waits for the next one, with all others that do', async () => {
    const disk = slowDisk()
    const store = openSqliteRecords(join(tempDir(), 'records.db'), { syncFile: disk.syncFile })
    const acknowledged: string[] = []
    const commit = (id: string) => store.commit([put(id)]).then(() => acknowledged.push(id))
    const first = commit('a')
    await eventLoop()
    const second = commit('b')
    await eventLoop()
    const later = [commit('c')]
    await eventLoop()
    later.push(commit('d'))
    await eventLoop()
    expect(disk.begun.count).toBe(2)
    disk.confirm()
    await first
    await eventLoop()
    // The sync that ended had begun before these were written.
    expect(acknowledged).toEqual(['a'])
    expect(disk.begun.count).toBe(3)
    disk.confirm()
    await second
    disk.confirm()
    await Promise.all(later)
    expect(disk.begun.count).toBe(3)
    await store.close()
  })

  it('that the disk confirms before an earlier one waits for that, and is refused with it', async () => {
    const disk = slowDisk()
    const store = openSqliteRecords(join(tempDir(), 'records.db'), { syncFile: disk.syncFile })
    const first = store.commit([put('a')])
    await eventLoop()
    const second = store.commit([put('b')])
    const outcomes = Promise.allSettled([first, second])
    let isAcknowledged = false
    void second.then(
      () => {
        isAcknowledged = true
      },
      () => {},
    )
    await eventLoop()
    expect(disk.begun.count).toBe(2)
    disk.confirmLast()
    await eventLoop()
    expect(isAcknowledged).toBe(false)
    disk.fail(new Error('EIO: i/o error, fdatasync'))
    for (const { status } of await outcomes) expect(status).toBe('rejected')
    await store.close()
  })

  it('is refused when the disk does not confirm it, and so is everything after it until a restart', async () => {
    const disk = slowDisk()
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path, { syncFile: disk.syncFile })
    const committing = store.commit([put('a')])
    await eventLoop()
    disk.fail(new Error('EIO: i/o error, fdatasync'))
    await expect(committing).rejects.toMatchObject({
      code: 'backend_unavailable',
      message: expect.stringContaining('EIO: i/o error, fdatasync'),
    })
    await expect(store.commit([put('b')])).rejects.toMatchObject({ code: 'backend_unavailable' })
    expect(await store.get('memories', SCOPE, 'b')).toBeUndefined()
    await store.close()
    const again = openSqliteRecords(path)
    await again.commit([put('c')])
    expect(await again.get('memories', SCOPE, 'c')).toMatchObject({ id: 'c' })
    await again.close()
  })

  it('is waited for by the close of the store', async () => {
    const disk = slowDisk()
    const store = openSqliteRecords(join(tempDir(), 'records.db'), { syncFile: disk.syncFile })
    const committing = store.commit([put('a')])
    let closed = false
    const closing = store.close().then(() => {
      closed = true
    })
    await eventLoop()
    expect(closed).toBe(false)
    disk.confirm()
    await Promise.all([committing, closing])
  })

  it('that is lazy is read at once, and is on disk with the next one that is not, or a moment later', async () => {
    const folder = tempDir()
    const path = join(folder, 'records.db')
    const store = openSqliteRecords(path)
    let copies = 0
    /** What a process finds that is started when this one has been killed. */
    const afterKill = async () => {
      const copy = join(folder, `copy-${copies++}.db`)
      for (const end of ['', '-wal']) cpSync(`${path}${end}`, `${copy}${end}`)
      return await idsIn(copy)
    }
    await store.commit([put('a'), put('b')], { isLazy: true })
    expect(await store.get('memories', SCOPE, 'a')).toMatchObject({ id: 'a' })
    expect(await afterKill()).toEqual([])
    await store.commit([])
    expect(await afterKill()).toEqual(['a', 'b'])
    await store.commit([put('c')], { isLazy: true })
    expect(await afterKill()).toEqual(['a', 'b'])
    await vi.waitFor(async () => expect(await afterKill()).toEqual(['a', 'b', 'c']), 5000)
    await store.commit([put('d')], { isLazy: true })
    await store.close()
    expect(await idsIn(path)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('that is lazy and lost, as the disk is full, is the end of all writes until a restart, and the check says so', async () => {
    const path = join(tempDir(), 'records.db')
    const store = openSqliteRecords(path, { maxPages: 40 })
    await store.commit([put('a')])
    await store.commit([put('b')], { isLazy: true })
    const large = put('c', { payload: { text: 'x'.repeat(400_000) } })
    await expect(store.commit([large])).rejects.toMatchObject({
      code: 'backend_unavailable',
      message: expect.stringContaining('no room on the disk'),
    })
    // Whoever wrote `b` has gone on with it.
    await expect(store.commit([put('d')])).rejects.toMatchObject({
      code: 'backend_unavailable',
      message: expect.stringContaining('nothing is written before a restart'),
    })
    await expect(store.check()).rejects.toThrow('nothing is written before a restart')
    await store.close()
    expect(await idsIn(path)).toEqual(['a'])
  })

  it('that is refused takes nothing with it, where nothing lazy is open', async () => {
    const store = openSqliteRecords(join(tempDir(), 'records.db'), { maxPages: 40 })
    await store.commit([put('a')])
    const large = put('c', { payload: { text: 'x'.repeat(400_000) } })
    await expect(store.commit([large])).rejects.toMatchObject({ code: 'backend_unavailable' })
    await store.commit([put('d')])
    expect((await store.scroll('memories', SCOPE, { limit: 10 })).map(({ id }) => id)).toEqual(['a', 'd'])
    await store.close()
  })
})

async function idsIn(path: string): Promise<string[]> {
  const found = openSqliteRecords(path)
  const ids = (await found.scroll('memories', SCOPE, { limit: 10 })).map(({ id }) => id)
  await found.close()
  return ids
}
