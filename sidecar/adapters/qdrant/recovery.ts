import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lane } from './commit-queue.ts'
import type { Journal } from './journal.ts'
import { type Entry, keyOf } from './journal-entries.ts'

export interface RecoveryOptions {
  journal: Journal
  lane: Lane
  /** How long an entry whose process may be at work on it is left alone, milliseconds from when it is first seen. */
  graceMs: number
  /**
   * Runs a task with a scope to itself among all that write; absent where nobody else writes. What is left behind is
   * then looked for from time to time.
   */
  alone?: Alone | undefined
  onTrouble: (error: unknown) => void
}

export type Alone = (scope: string, task: () => Promise<void>) => Promise<void>

/** Carries out what processes that died had noted down. */
export interface Recovery {
  /** What was left of a scope, or of all of them, in order; resolves at once where that is nothing. */
  recover(scope?: string): Promise<void>
  close(): void
}

/** Pause between two looks at an entry that is waited for. */
const LOOK_AGAIN_MS = 250

/** Stores that are open in this process: an entry of another one here is of one that was closed. */
const open = new Set<string>()

export function openRecovery({ journal, lane, graceMs, alone, onTrouble }: RecoveryOptions): Recovery {
  open.add(journal.instance)
  let isSwept = false
  /** When each entry was first seen: by our own clock, since that of its process may be wrong. */
  let seen = new Map<string, number>()
  let timer = alone && setTimeout(() => void look(alone), 0)

  async function unfinished(scope?: string): Promise<Entry[]> {
    const entries = await journal.unfinished(scope)
    const now = performance.now()
    const before = scope === undefined ? new Map<string, number>() : seen
    for (const entry of entries) before.set(keyOf(entry), seen.get(keyOf(entry)) ?? now)
    seen = before
    return entries
  }

  /** How long an entry is yet to be left alone, milliseconds. */
  function pauseFor(entry: Entry): number {
    if (!mayBeAtWork(entry)) return 0
    return Math.max(0, (seen.get(keyOf(entry)) ?? 0) + graceMs - performance.now())
  }

  async function recover(scope?: string): Promise<void> {
    for (;;) {
      const entries = await unfinished(scope)
      if (entries.length === 0) return
      const pause = Math.max(...entries.map(pauseFor))
      if (pause === 0) for (const entry of entries) await lane.takeOver(entry)
      // It may finish meanwhile.
      else await sleep(Math.min(pause + 1, LOOK_AGAIN_MS))
    }
  }

  async function look(run: Alone): Promise<void> {
    try {
      const left = (await unfinished()).filter((entry) => pauseFor(entry) === 0)
      for (const scope of new Set(left.flatMap(({ scopes }) => scopes)))
        await run(scope, () => recover(scope))
      if (!isSwept || left.length > 0) await journal.sweep()
      isSwept = true
    } catch (error) {
      onTrouble(error)
    }
    if (!open.has(journal.instance)) return
    timer = setTimeout(() => void look(run), graceMs)
    timer.unref()
  }

  return {
    recover,
    close() {
      open.delete(journal.instance)
      clearTimeout(timer)
    },
  }
}

/** Whether the process that noted it down may be about to finish it itself. */
function mayBeAtWork({ host, pid, instance }: Entry): boolean {
  if (host !== hostname()) return true
  if (pid === process.pid) return open.has(instance)
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
