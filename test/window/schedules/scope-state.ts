import { createInProcessScopeState } from '../../../sidecar/adapters/cache/in-process-scope-state.ts'
import { CacheUnavailable } from '../../../sidecar/ports/cache-store.ts'
import type { ScopeState } from '../../../sidecar/ports/scope-state.ts'

/** Fewer than any schedule needs: what is crowded out is evicted. */
export const ROOM = 8

/** A scope state that can be away, lose things, and be stopped before it stores a block. */
export interface TestState extends ScopeState {
  isAway: boolean
  /** Runs once, before the next block is stored. */
  beforeFill: (() => Promise<void>) | undefined
  evict(what: 'blocks' | 'counters' | 'turns'): Promise<void>
}

/** @param commits how many commits of the record store there were so far */
export type Sabotage = (state: ScopeState, commits: () => number) => ScopeState

export function testState(
  now: () => number,
  commits: () => number,
  sabotage: Sabotage = (state) => state,
): TestState {
  const inner = createInProcessScopeState({ maxEntries: ROOM, maxBytes: 10_000_000, now })
  const state = sabotage(inner, commits)
  const reachable = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => {
      if (self.isAway) throw new CacheUnavailable('unreachable', 'the scope state is away')
      return await call(...args)
    }
  }
  const self: TestState = {
    kind: 'test',
    isAway: false,
    beforeFill: undefined,
    counters: reachable(state.counters),
    bump: reachable(state.bump),
    read: reachable(state.read),
    fill: reachable(async (...args) => {
      const first = self.beforeFill
      self.beforeFill = undefined
      await first?.()
      return await state.fill(...args)
    }),
    readSnapshot: reachable(state.readSnapshot),
    fillSnapshot: reachable(state.fillSnapshot),
    clear: reachable(state.clear),
    lease: reachable(state.lease),
    noteTurn: reachable(state.noteTurn),
    turns: reachable(state.turns),
    check: reachable(state.check),
    close: async () => {},
    async evict(what) {
      for (let i = 0; i < ROOM; i++) {
        const other = `evict/${i}`
        if (what === 'counters') await state.counters(other)
        else if (what === 'turns') await state.noteTurn(other, 'c', 1, 'added', now())
        else await state.fill('evict/0', String(i), '', 1000, await state.counters('evict/0'))
      }
    },
  }
  return self
}
