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
 * @param path of a file that is there when `synced` is first called, and stays the same file
 */
export function createFileSync(path: string, syncFile: SyncFile = syncInPool): FileSync {
  let fd: number | undefined
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  async function run(): Promise<void> {
    try {
      // Windows syncs only what is open for writing.
      fd ??= openSync(path, 'r+')
      await syncFile(fd)
    } finally {
      running = undefined
    }
  }

  return {
    async synced() {
      if (!running) {
        running = run()
        return await running
      }
      // The one under way may have begun before what was just written.
      next ??= running
        .catch(() => {})
        .then(() => {
          next = undefined
          running = run()
          return running
        })
      return await next
    },
    close() {
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}
