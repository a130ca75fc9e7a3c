import { AppError } from '../../errors.ts'
import type { Collections } from './qdrant-collections.ts'
import type { Gate } from './qdrant-gate.ts'
import type { Entry, Journal } from './qdrant-journal.ts'
import type { QdrantLink } from './qdrant-link.ts'
import type { PointWrite } from './qdrant-points.ts'
import { applyWrites, bytesOf, lastWrites } from './qdrant-write.ts'

export interface LaneOptions {
  link: QdrantLink
  collections: Collections
  journal: Journal
  gate: Gate
  /** Told of every try that failed to carry out what is noted down. */
  onTrouble: (error: unknown) => void
}

/** Carries commits out one after the other, those that wait together as one. */
export interface Lane {
  /** Resolves when the writes are noted down and every later read sees them; rejects when they never will be seen. */
  commit(writes: readonly PointWrite[]): Promise<void>
  /** Resolves when nothing is under way; what could not be carried out stays in the journal. */
  close(): Promise<void>
}

/** Most that waits for its turn, bytes. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024
/** Most that goes into one entry of the journal with others, bytes. */
const MAX_GROUP_BYTES = 16 * 1024 * 1024
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 10_000

interface Waiting {
  writes: readonly PointWrite[]
  bytes: number
  resolve: () => void
  reject: (error: unknown) => void
}

export function openLane({ link, collections, journal, gate, onTrouble }: LaneOptions): Lane {
  const waiting: Waiting[] = []
  let waitingBytes = 0
  /** What must be done before the next entry is written: carry one out, or see that one never is. */
  let owed: (() => Promise<void>) | undefined
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let closing = false

  async function settle(): Promise<void> {
    if (!owed) return
    await owed()
    owed = undefined
    failures = 0
  }

  async function carryOut(entry: Entry, reopen: () => void): Promise<void> {
    await applyWrites(link, collections, entry.writes, journal.finish(entry))
    reopen()
  }

  async function commitGroup(group: readonly Waiting[]): Promise<void> {
    await settle()
    const writes = lastWrites(group.flatMap((one) => one.writes))
    const { entry, written } = journal.write(writes)
    try {
      await written
    } catch (error) {
      // It may be there all the same, or arrive yet.
      owed = () => applyWrites(link, collections, [], journal.finish(entry))
      await settle().catch(onTrouble)
      throw error
    }
    // From here on it is certain to happen, though perhaps later: nobody reads the scopes before it has.
    const reopen = await gate.close(new Set(writes.map(({ scope }) => scope)))
    owed = () => carryOut(entry, reopen)
    await settle().catch(onTrouble)
  }

  function takeGroup(): Waiting[] {
    let bytes = 0
    const size = waiting.findIndex((one, i) => {
      bytes += one.bytes
      return i > 0 && bytes > MAX_GROUP_BYTES
    })
    const group = waiting.splice(0, size === -1 ? waiting.length : size)
    for (const one of group) waitingBytes -= one.bytes
    return group
  }

  async function run(): Promise<void> {
    clearTimeout(timer)
    do {
      while (waiting.length > 0) {
        const group = takeGroup()
        try {
          await commitGroup(group)
          for (const { resolve } of group) resolve()
        } catch (error) {
          const failure = asNotStored(error)
          for (const { reject } of group) reject(failure)
        }
      }
      await settle().catch(onTrouble)
    } while (waiting.length > 0)
    running = undefined
    if (!owed || closing) return
    failures += 1
    timer = setTimeout(start, Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS))
    timer.unref()
  }

  /** In a moment: commits of one turn of the event loop share an entry. */
  function start(): void {
    running ??= Promise.resolve().then(run)
  }

  return {
    async commit(writes) {
      if (writes.length === 0) return
      const bytes = writes.reduce((sum, { point }) => sum + (point ? bytesOf(point) : 100), 0)
      if (waitingBytes > 0 && waitingBytes + bytes > MAX_WAITING_BYTES) {
        throw asNotStored(new Error('too many writes are waiting'))
      }
      await new Promise<void>((resolve, reject) => {
        waiting.push({ writes, bytes, resolve, reject })
        waitingBytes += bytes
        start()
      })
    },
    async close() {
      closing = true
      clearTimeout(timer)
      while (running !== undefined) await running
    },
  }
}

function asNotStored(cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AppError(
    'backend_unavailable',
    `The record store could not write; nothing was stored: ${reason}`,
    {
      cause,
    },
  )
}
