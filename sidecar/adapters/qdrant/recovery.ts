import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommitQueue, CommitQueueOptions } from './commit-queue.ts'
import { type Entry, keyOf } from './journal.ts'

interface RecoveryOptions extends Pick<CommitQueueOptions, 'journal' | 'collections' | 'onError'> {
  commitQueue: CommitQueue
  /** Grace period for an entry whose process may still be active, milliseconds from when it is first seen. */
  graceMs: number
  /** Present if other processes write; then a periodic scan looks for entries. */
  runExclusive?: RunExclusive | undefined
}

/** Runs a task with the write lock of a scope. */
export type RunExclusive = (scope: string, task: () => Promise<void>) => Promise<void>

/** Polling interval during the grace period, milliseconds. */
const POLL_MS = 250

/** Open stores of this process. An entry of this process that belongs to another instance is of a closed store. */
const openInstances = new Set<string>()

/** Carries out journal entries of processes that died. */
export function openRecovery({
  journal,
  collections,
  commitQueue,
  graceMs,
  runExclusive,
  onError,
}: RecoveryOptions) {
  openInstances.add(journal.instance)
  let isSwept = false
  /** When each entry was first seen, by the local clock. */
  let firstSeen = new Map<string, number>()
  let timer = runExclusive && setTimeout(() => void scan(runExclusive), 0)

  async function unfinished(scope?: string): Promise<Entry[]> {
    const entries = await journal.unfinished(scope)
    const now = performance.now()
    const before = scope === undefined ? new Map<string, number>() : firstSeen
    for (const entry of entries) before.set(keyOf(entry), firstSeen.get(keyOf(entry)) ?? now)
    firstSeen = before
    return entries
  }

  /** Remaining grace period of an entry, milliseconds. */
  function remainingGrace(entry: Entry): number {
    if (!mayBeActive(entry)) return 0
    return Math.max(0, (firstSeen.get(keyOf(entry)) ?? 0) + graceMs - performance.now())
  }

  /** Carries out the entries of a scope, or of all scopes, in order. */
  async function recover(scope?: string): Promise<void> {
    for (;;) {
      const entries = await unfinished(scope)
      if (entries.length === 0) return
      const pause = Math.max(...entries.map(remainingGrace))
      if (pause === 0) for (const entry of entries) await commitQueue.takeOver(entry)
      // Its process may finish it meanwhile.
      else await sleep(Math.min(pause + 1, POLL_MS))
    }
  }

  async function scan(run: RunExclusive): Promise<void> {
    try {
      const left = (await unfinished()).filter((entry) => remainingGrace(entry) === 0)
      for (const scope of new Set(left.flatMap(({ scopes }) => scopes)))
        await run(scope, () => recover(scope))
      if (!isSwept || left.length > 0) await journal.sweep(collections.memories)
      isSwept = true
    } catch (error) {
      onError(error)
    }
    if (!openInstances.has(journal.instance)) return
    timer = setTimeout(() => void scan(run), graceMs)
    timer.unref()
  }

  return {
    recover,
    close(): void {
      openInstances.delete(journal.instance)
      clearTimeout(timer)
    },
  }
}

/** Whether the process that wrote the entry may still carry it out. */
function mayBeActive({ host, pid, instance }: Entry): boolean {
  if (host !== hostname()) return true
  if (pid === process.pid) return openInstances.has(instance)
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
