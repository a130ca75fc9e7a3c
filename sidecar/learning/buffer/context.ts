import type PQueue from 'p-queue'
import type { MemoryEngine } from '../../memory/engine/engine.ts'
import type { Log } from '../../ports/log.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import type { Learner } from '../learner/learner.ts'
import type { ObservedWindows } from './observed-windows.ts'
import type { BufferSettings, FlushTrigger } from './settings.ts'

/** Set where other sidecars work on the same store. */
export interface Shared {
  /** Serialises the flushes of a scope over all sidecars. */
  flushLock: ScopeLock
  /** Milliseconds between scans for pending turns without a scheduled flush. */
  reconcileMs?: number | undefined
}

/** What the buffers of all scopes share. */
export interface BufferContext {
  records: RecordStore
  engine: MemoryEngine
  learner: Learner
  windows: ObservedWindows
  log: Log
  settings: BufferSettings
  /** Limits concurrent batches. */
  batches: PQueue
  now: () => number
  /** Aborted when no further batch may start. */
  closing: AbortSignal
  /** Aborted after `closing`, when running batches are cancelled. */
  cancelled: AbortSignal
  /** Absent where this process is the only one: pending turns in memory are complete then. */
  shared: Shared | undefined
  /** Schedules a flush of a scope at or after a time, epoch milliseconds. */
  scheduleFlush: (key: string, at: number) => void
  /** Reports each batch: its trigger, `learned` or a failure reason, and its number of turns. */
  onFlush: (trigger: FlushTrigger, outcome: string, turns: number) => void
}
