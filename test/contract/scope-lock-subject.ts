import type { ScopeLock } from '../../sidecar/ports/scope-lock.ts'

/** A lock as two processes see it, whose leases live `LEASE_MS` and whose tasks wait `WAIT_MS`. */
export interface ScopeLockSubject {
  lock: ScopeLock
  /** The same in another process; where it is not shared, `lock` itself. */
  peer: ScopeLock
  /** Time passes for both processes, and for the server between them; renewals happen on the way. */
  advance: (milliseconds: number) => Promise<void>
  /** The process of `lock` stands still, or goes on: none of its timers fire meanwhile. */
  freeze: (isFrozen: boolean) => void
  /** What was to be finished of a former holder, in either process, and whether that fails. */
  takeOvers: { scope: string; left: 'unfinished' | 'unknown' }[]
  failing: { takeOver: boolean }
}

const MINUTE = 60_000

export const LEASE_MS = 15 * MINUTE
export const COMMIT_MS = 5 * MINUTE
export const WAIT_MS = 20 * MINUTE
