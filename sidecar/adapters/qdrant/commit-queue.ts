import PQueue from 'p-queue'
import { AppError } from '../../ports/errors.ts'
import type { QdrantConnection } from './connection.ts'
import { type Entry, type Journal, keyOf } from './journal.ts'
import type { Collections, PointWrite } from './points.ts'
import type { ScopeGate } from './scope-gate.ts'
import { applyWrites, bytesOf, chunks, update } from './writes.ts'

export interface CommitQueueOptions {
  connection: QdrantConnection
  collections: Collections
  journal: Journal
  gate: ScopeGate
  /** Time after writing an entry in which no other instance takes it over, milliseconds. */
  exclusiveMs: number
  /** Called for every failed attempt to carry out a journal entry. */
  onError: (error: unknown) => void
}

export type CommitQueue = ReturnType<typeof openCommitQueue>

/** Most bytes in the queue. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024
/** Most bytes of a group commit. */
const MAX_GROUP_BYTES = 16 * 1024 * 1024
const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 10_000

interface Waiting extends Pick<PromiseWithResolvers<void>, 'resolve' | 'reject'> {
  writes: readonly PointWrite[]
  bytes: number
}

/** Work that must complete before the next commit: carrying out entries, or cancelling them. */
interface PendingWork {
  scopes: ReadonlySet<string>
  run: () => Promise<void>
}

/** Carries out commits one after another; commits that wait at the same time share a journal entry (group commit). */
export function openCommitQueue(options: CommitQueueOptions) {
  const { connection, collections, journal, gate, exclusiveMs, onError } = options
  const queue = new PQueue({ concurrency: 1 })
  const waiting: Waiting[] = []
  let waitingBytes = 0
  let pending: PendingWork | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let isClosing = false

  async function completePending(): Promise<void> {
    if (!pending) return
    await pending.run()
    pending = undefined
    failures = 0
  }

  /** Completes the pending work, or schedules a retry. */
  async function attemptPending(): Promise<void> {
    try {
      await completePending()
    } catch (error) {
      onError(error)
      if (isClosing) return
      clearTimeout(timer)
      timer = setTimeout(
        () => void queue.add(attemptPending),
        Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS),
      )
      timer.unref()
      failures += 1
    }
  }

  async function commitGroup(group: readonly Waiting[]): Promise<void> {
    await completePending()
    const since = performance.now()
    const commits = group.map(({ writes }) => writes)
    const { entries, written } = journal.write(commits, collections.memories)
    const scopes = new Set(entries.flatMap((entry) => entry.scopes))
    try {
      await written
    } catch (error) {
      // The entries may exist, or arrive later: cancel them.
      pending = { scopes, run: () => applyWrites(connection, collections, [], journal.cancel(entries)) }
      await attemptPending()
      throw error
    }
    // The commit is durable now. No reader may see the scopes before it is carried out.
    const reopen = await gate.close(scopes)
    pending = { scopes, run: carryOut(entries, since, reopen) }
    await attemptPending()
  }

  /** Returns a retryable task that applies own entries, except those that other instances have finished meanwhile. */
  function carryOut(entries: readonly Entry[], since: number, reopen: () => void): () => Promise<void> {
    let left = entries
    let takenOverSince: number | undefined
    const mayContinue = async () => {
      // Within this time no other instance takes over, and requests sent now complete or time out.
      if (performance.now() - since <= exclusiveMs) return
      const marks = await journal.marks()
      const before = left.length
      left = left.filter((entry) => !marks.get(keyOf(entry))?.done)
      if (left.length < before) throw new Error('another process carried out the journal entry')
      const theirs = left.filter((entry) => {
        const mark = marks.get(keyOf(entry))
        return mark !== undefined && mark.by !== journal.instance
      })
      if (theirs.length === 0) return
      takenOverSince ??= performance.now()
      if (performance.now() - takenOverSince <= 2 * exclusiveMs) {
        throw new Error('another process is carrying out the journal entry')
      }
      // The instance that took them over has abandoned them.
      for (const entry of theirs) await journal.take(entry)
    }
    return async () => {
      const writes = left.flatMap((entry) => entry.writes)
      await applyWrites(connection, collections, writes, journal.finish(entries), mayContinue)
      journal.discard(entries)
      reopen()
    }
  }

  async function carryOutForeign(entry: Entry): Promise<void> {
    await completePending()
    const found = await journal.unfinished(entry.scopes[0])
    if (!found.some((one) => keyOf(one) === keyOf(entry))) return
    await journal.take(entry)
    const reopen = await gate.close(entry.scopes)
    try {
      const target = { ...collections, memories: entry.memories ?? collections.memories }
      await applyWrites(connection, target, entry.writes, {})
      await update(connection, collections.documents, journal.finishTaken(entry))
    } finally {
      reopen()
    }
  }

  async function commitWaiting(): Promise<void> {
    // Commits of one event loop turn are grouped.
    await null
    const [group] = chunks(waiting, ({ bytes }) => bytes, MAX_GROUP_BYTES)
    if (!group) return
    waiting.splice(0, group.length)
    for (const { bytes } of group) waitingBytes -= bytes
    try {
      await commitGroup(group)
      for (const { resolve } of group) resolve()
    } catch (error) {
      const failure = asNotStored(error)
      for (const { reject } of group) reject(failure)
    }
  }

  return {
    /** Resolves when the writes are in the journal and visible to later reads; rejects if they will never be visible. */
    async commit(writes: readonly PointWrite[]): Promise<void> {
      if (writes.length === 0) return
      const bytes = writes.reduce((sum, write) => sum + bytesOf(write), 0)
      if (waitingBytes > 0 && waitingBytes + bytes > MAX_WAITING_BYTES) {
        throw asNotStored(new Error('the write queue is full'))
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.push({ writes, bytes, resolve, reject })
      waitingBytes += bytes
      void queue.add(commitWaiting)
      await promise
    },
    /** Whether no commit to the scope is still to be carried out or cancelled. */
    isFinished: (scope: string): boolean => !pending?.scopes.has(scope),
    /** Carries out an entry of another instance unless it is finished; rejects if it or the pending work here fails. */
    takeOver: (entry: Entry): Promise<void> => queue.add(() => carryOutForeign(entry)),
    /** Resolves when no commit is active. Entries that could not be carried out stay in the journal. */
    async close(): Promise<void> {
      isClosing = true
      clearTimeout(timer)
      await queue.onIdle()
      await journal.close()
    },
  }
}

function asNotStored(cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `The record store is unavailable; nothing was stored: ${reason}`
  return new AppError('backend_unavailable', message, { cause })
}
