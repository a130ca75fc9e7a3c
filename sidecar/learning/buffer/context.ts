import type PQueue from 'p-queue'
import type { MemoryEngine } from '../../memory/engine/engine.ts'
import type { Log } from '../../ports/log.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeLock } from '../../ports/scope-lock.ts'
import type { Learner } from '../learner/learner.ts'
import type { BufferSettings, FlushReason } from './settings.ts'
import type { Views } from './views.ts'

export type Timers = Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>

/** What it takes where other sidecars take in and learn from turns of the same store. */
export interface Shared {
  /** One flush of a scope at a time, whoever flushes. */
  flushLock: ScopeLock
  /** Milliseconds after which a wake-up that the queue has lost is made up for. */
  reconcileMs?: number | undefined
}

/** What the buffers of all scopes share. */
export interface BufferContext {
  records: RecordStore
  engine: MemoryEngine
  learner: Learner
  views: Views
  log: Log
  settings: BufferSettings
  slots: PQueue
  now: () => number
  /** Aborted when no flush may begin any more. */
  closing: AbortSignal
  /** Aborted, some time after that, when those under way are given up. */
  givingUp: AbortSignal
  /** Absent where this process alone has the store: what waits is known here then, and nothing is read anew. */
  shared: Shared | undefined
  /** Wishes for a flush at or after a time, epoch milliseconds. */
  wish: (key: string, at: number) => void
  /** Told of every batch what started it, what came of it, and how many turns it had. */
  onFlush: (reason: FlushReason, outcome: string, turns: number) => void
  /** Told by how many turns the buffers grew. */
  onSize: (change: number) => void
  /** Called when nothing waits and nothing runs. */
  onEmpty: (key: string) => void
}
