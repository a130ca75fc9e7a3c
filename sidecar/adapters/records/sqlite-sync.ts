import { closeSync, fdatasync, openSync } from 'node:fs'
import { promisify } from 'node:util'

/** Puts on disk what has been written to a file. */
export interface FileSync {
  /** Resolves when everything that was written before the call is on disk. Many who ask at once share one sync. */
  synced(): Promise<void>
  close(): void
}

/** `fdatasync(2)` in Node's pool of threads, so that the event loop goes on while the disk works. */
export type SyncFile = (fd: number) => Promise<void>

const syncInPool: SyncFile = promisify(fdatasync)

/**
 * Syncs of one file at once. One that the disk keeps waiting, behind a large file say, does not make those wait that
 * come meanwhile: they are through at about the same time.
 */
const AT_ONCE = 2

/**
 * @param path of a file that is there when `synced` is first called, and stays the same file
 */
export function createFileSync(path: string, syncFile: SyncFile = syncInPool): FileSync {
  let fd: number | undefined
  const running = new Set<Promise<void>>()
  let next: Promise<void> | undefined

  async function begin(): Promise<void> {
    const mine = run()
    running.add(mine)
    try {
      await mine
    } finally {
      running.delete(mine)
    }
  }

  async function run(): Promise<void> {
    // Windows syncs only what is open for writing.
    fd ??= openSync(path, 'r+')
    await syncFile(fd)
  }

  async function whenOneEnds(): Promise<void> {
    await Promise.race(running).catch(() => {})
    next = undefined
    await begin()
  }

  return {
    async synced() {
      // Those under way may have begun before what was just written.
      if (running.size < AT_ONCE) return await begin()
      next ??= whenOneEnds()
      await next
    },
    close() {
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}
