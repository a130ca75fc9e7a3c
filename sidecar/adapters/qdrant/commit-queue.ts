import { AppError } from '../../ports/errors.ts'
import type { Collections } from './collections.ts'
import type { QdrantConnection } from './connection.ts'
import type { Journal } from './journal.ts'
import { type Entry, keyOf } from './journal-entries.ts'
import type { PointWrite } from './points.ts'
import type { ScopeGate } from './scope-gate.ts'
import { applyWrites, bytesOf } from './writes.ts'

export interface CommitQueueOptions {
  connection: QdrantConnection
  collections: Collections
  journal: Journal
  gate: ScopeGate
  /** Time after writing an entry in which no other instance takes it over, milliseconds. */
  exclusiveMs: number
  /** Called for every failed attempt to carry out a journal entry. */
  onError: (error: unknown) => void
  /** Monotonic clock, milliseconds. */
  now?: () => number
}

/** Carries out commits one after another; commits that wait at the same time share a journal entry (group commit). */
export interface CommitQueue {
  /** Resolves when the writes are in the journal and visible to later reads; rejects if they will never be visible. */
  commit(writes: readonly PointWrite[]): Promise<void>
  /** Whether no commit to the scope is still to be carried out or cancelled. */
  isFinished(scope: string): boolean
  /** Carries out an entry of another instance unless it is finished; rejects if it or the pending work here fails. */
  takeOver(entry: Entry): Promise<void>
  /** Resolves when no commit is active. Entries that could not be carried out stay in the journal. */
  close(): Promise<void>
}

/** Most bytes in the queue. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024
/** Most bytes of a group commit. */
const MAX_GROUP_BYTES = 16 * 1024 * 1024
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 10_000

interface Waiting {
  writes: readonly PointWrite[]
  bytes: number
  resolve: () => void
  reject: (error: unknown) => void
}

/** Work that must complete before the next commit: carrying out entries, or cancelling them. */
interface PendingWork {
  scopes: ReadonlySet<string>
  run: () => Promise<void>
}

export function openCommitQueue(options: CommitQueueOptions): CommitQueue {
  const {
    connection,
    collections,
    journal,
    gate,
    exclusiveMs,
    onError,
    now = () => performance.now(),
  } = options
  const waiting: Waiting[] = []
  const takeOvers: (() => Promise<void>)[] = []
  let waitingBytes = 0
  let pending: PendingWork | undefined
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let closing = false

  async function completePending(): Promise<void> {
    if (!pending) return
    await pending.run()
    pending = undefined
    failures = 0
  }

  async function commitGroup(group: readonly Waiting[]): Promise<void> {
    await completePending()
    const since = now()
    const { entries, written } = journal.write(
      group.map(({ writes }) => writes),
      collections.memories,
    )
    const scopes = new Set(entries.flatMap((entry) => entry.scopes))
    try {
      await written
    } catch (error) {
      // The entries may exist, or arrive later: cancel them.
      pending = { scopes, run: () => applyWrites(connection, collections, [], journal.finish(entries)) }
      await completePending().catch(onError)
      throw error
    }
    // The commit is durable now. No reader may see the scopes before it is carried out.
    const reopen = await gate.close(scopes)
    pending = { scopes, run: carryOut(entries, since, reopen) }
    await completePending().catch(onError)
  }

  /** Returns a retryable task that applies own entries, except those that other instances have finished meanwhile. */
  function carryOut(entries: readonly Entry[], since: number, reopen: () => void): () => Promise<void> {
    let left = entries
    let takenOverSince: number | undefined
    const mayContinue = async () => {
      // Within this time no other instance takes over, and requests sent now complete or time out.
      if (now() - since <= exclusiveMs) return
      const marks = await journal.marksOf(left)
      const before = left.length
      left = left.filter((entry) => !marks.get(keyOf(entry))?.done)
      if (left.length < before) throw new Error('another process carried out the journal entry')
      const theirs = left.filter(
        (entry) => (marks.get(keyOf(entry))?.by ?? journal.instance) !== journal.instance,
      )
      if (theirs.length === 0) return
      takenOverSince ??= now()
      if (now() - takenOverSince <= 2 * exclusiveMs) {
        throw new Error('another process is carrying out the journal entry')
      }
      // The instance that took them over has abandoned them.
      for (const entry of theirs) await journal.take(entry)
    }
    return async () => {
      const writes = left.flatMap((entry) => entry.writes)
      await applyWrites(connection, collections, writes, journal.finish(entries), mayContinue)
      reopen()
    }
  }

  async function carryOutForeign(entry: Entry): Promise<void> {
    await completePending()
    const [mark, found] = [
      (await journal.marksOf([entry])).get(keyOf(entry)),
      await journal.unfinished(entry.scopes[0]),
    ]
    if (mark?.done || !found.some((one) => keyOf(one) === keyOf(entry))) return
    await journal.take(entry)
    const reopen = await gate.close(entry.scopes)
    try {
      const target = { ...collections, memories: entry.memories ?? collections.memories }
      await applyWrites(connection, target, entry.writes, journal.finishTaken(entry))
    } finally {
      reopen()
    }
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
      while (waiting.length > 0 || takeOvers.length > 0) {
        await takeOvers.shift()?.()
        const group = takeGroup()
        if (group.length === 0) continue
        try {
          await commitGroup(group)
          for (const { resolve } of group) resolve()
        } catch (error) {
          const failure = asNotStored(error)
          for (const { reject } of group) reject(failure)
        }
      }
      await completePending().catch(onError)
    } while (waiting.length > 0 || takeOvers.length > 0)
    running = undefined
    if (!pending || closing) return
    failures += 1
    timer = setTimeout(start, Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS))
    timer.unref()
  }

  /** Starts in a microtask, so that commits of one event loop turn are grouped. */
  function start(): void {
    running ??= Promise.resolve().then(run)
  }

  return {
    async commit(writes) {
      if (writes.length === 0) return
      const bytes = writes.reduce((sum, { point }) => sum + (point ? bytesOf(point) : 100), 0)
      if (waitingBytes > 0 && waitingBytes + bytes > MAX_WAITING_BYTES) {
        throw asNotStored(new Error('the write queue is full'))
      }
      await new Promise<void>((resolve, reject) => {
        waiting.push({ writes, bytes, resolve, reject })
        waitingBytes += bytes
        start()
      })
    },
    isFinished: (scope) => !pending?.scopes.has(scope),
    async takeOver(entry) {
      await new Promise<void>((resolve, reject) => {
        takeOvers.push(() => carryOutForeign(entry).then(resolve, reject))
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
    `The record store is unavailable; nothing was stored: ${reason}`,
    {
      cause,
    },
  )
}
