import type { Storage } from '@dify/plugin-sdk-ts'
import { z } from 'zod'
import type { QueuedTurn, TurnQueue } from './turn-queue.ts'

const Stored = z.object({ turns: z.array(z.object({ id: z.string(), body: z.looseObject({}) })) })

/** Deadline of one synchronisation, milliseconds: a node waits for it. */
const DEADLINE_MS = 3_000
/** After a failure the storage is not used for this time, milliseconds. */
const PAUSE_MS = 60_000

/**
 * Keeps a copy of a queue in the plugin's storage, under one key. The storage can be used during a call only, so that
 * turns which were delivered in the background leave it with the next call; a restart before that delivers them again,
 * which changes nothing.
 */
export class StoredQueue {
  readonly #queue: TurnQueue
  readonly #key: string
  readonly #report: (message: string) => void
  readonly #now: () => number
  /** The ids in storage, as far as this process wrote or read them; undefined before the first read. */
  #ids: Set<string> | undefined
  #pausedUntil = 0
  #running: Promise<unknown> = Promise.resolve()

  constructor(queue: TurnQueue, key: string, report: (message: string) => void, now = Date.now) {
    this.#queue = queue
    this.#key = key
    this.#report = report
    this.#now = now
  }

  /** Reads what an earlier process left, and writes the changes. Returns whether every queued turn is in storage. */
  async sync(storage: Storage): Promise<boolean> {
    const run = this.#running.then(async () => {
      if (!this.#isChanged || this.#now() < this.#pausedUntil) return
      try {
        await within(DEADLINE_MS, this.#write(storage))
      } catch (error) {
        this.#pausedUntil = this.#now() + PAUSE_MS
        if (this.#queue.size > 0) this.#report(`queued turns not stored: ${String(error)}`)
      }
    })
    this.#running = run
    await run
    // Meanwhile, turns that are stored may have been delivered.
    return this.#queue.turns.every(({ id }) => this.#ids?.has(id))
  }

  get #isChanged(): boolean {
    const { turns } = this.#queue
    const ids = this.#ids
    return ids === undefined || turns.length !== ids.size || turns.some(({ id }) => !ids.has(id))
  }

  async #write(storage: Storage): Promise<void> {
    const stored = parse(await storage.get(this.#key))
    const known = this.#ids
    if (known === undefined) {
      this.#queue.restore(stored)
      this.#ids = new Set(stored.map(({ id }) => id))
      if (!this.#isChanged) return
    }
    const { turns } = this.#queue
    const own = new Set(turns.map(({ id }) => id))
    // Other processes of the plugin may have written turns too.
    const others = stored.filter(({ id }) => !own.has(id) && known !== undefined && !known.has(id))
    const next = [...others, ...turns]
    if (next.length === 0) await storage.delete(this.#key)
    else await storage.set(this.#key, Buffer.from(JSON.stringify({ turns: next })))
    this.#ids = own
  }
}

/** Unreadable content counts as none: an earlier version may have another format. */
function parse(bytes: Uint8Array | undefined): QueuedTurn[] {
  if (!bytes) return []
  try {
    return Stored.parse(JSON.parse(Buffer.from(bytes).toString())).turns
  } catch {
    return []
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer of Dify within ${ms / 1000} s`)), ms)
  // A late failure must not become an unhandled rejection.
  promise.catch(() => {})
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
