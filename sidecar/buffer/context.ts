import type { Log } from '../log.ts'
import type { MemoryEngine } from '../memory/engine.ts'
import type { Learner } from '../memory/learn/learner.ts'
import type { RecordStore } from '../ports/records.ts'
import type { BufferSettings, FlushReason } from './settings.ts'
import type { Slots } from './slots.ts'
import type { Views } from './views.ts'

export type Timers = Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>

/** What the buffers of all scopes share. */
export interface BufferContext {
  records: RecordStore
  engine: MemoryEngine
  learner: Learner
  views: Views
  log: Log
  settings: BufferSettings
  slots: Slots
  timers: Timers
  now: () => number
  /** Aborted when no flush may begin any more. */
  closing: AbortSignal
  /** Told of every batch what started it, what came of it, and how many turns it had. */
  onFlush: (reason: FlushReason, outcome: string, turns: number) => void
  /** Told by how many turns the buffers grew. */
  onSize: (change: number) => void
  /** Called when nothing waits and nothing runs. */
  onEmpty: (key: string) => void
}
