import { fdatasync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
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

  it('that comes during a sync waits for the next one, with all others that do', async () => {
    const disk = slowDisk()
    const store = openSqliteRecords(join(tempDir(), 'records.db'), { syncFile: disk.syncFile })
    const acknowledged: string[] = []
    const commit = (id: string) => store.commit([put(id)]).then(() => acknowledged.push(id))
    const first = commit('a')
    await eventLoop()
    const later = [commit('b')]
    await eventLoop()
    later.push(commit('c'))
    await eventLoop()
    disk.confirm()
    await first
    await eventLoop()
    // The sync that ended had begun before these were written.
    expect(acknowledged).toEqual(['a'])
    expect(disk.begun.count).toBe(2)
    disk.confirm()
    await Promise.all(later)
    expect(disk.begun.count).toBe(2)
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
})
