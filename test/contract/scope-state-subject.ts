import type { ScopeState } from '../../sidecar/ports/scope-state.ts'

/**
 * A state of at most `MAX_ENTRIES` blocks and about `MAX_BYTES` bytes, on a clock that the case moves. Turns are
 * forgotten after seven days.
 */
export interface ScopeStateSubject {
  state: ScopeState
  /** The same in another process; where it is not shared, `state` itself. */
  peer: ScopeState
  clock: { now: () => number; advance: (milliseconds: number) => void | Promise<void> }
  /** How exactly the clock can be moved, milliseconds; 1 unless told. */
  grainMs?: number
  /** Loses the counters of a scope, as for want of memory; its blocks stay. */
  evictCounters: (scope: string) => Promise<void>
}

export const MAX_ENTRIES = 50
export const MAX_BYTES = 100_000
