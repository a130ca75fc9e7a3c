import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { CacheUnavailable } from '../../../sidecar/ports/cache-store.ts'
import type { ScopeState } from '../../../sidecar/ports/scope-state.ts'

/** Fewer than any schedule needs: what is crowded out is evicted. */
export const ROOM = 8

/** A scope state that can be away, lose things, and be stopped before it stores a block. */
export interface TestState extends ScopeState {
  isAway: boolean
  /** Runs once, before the next block is stored. */
  beforeFill: (() => Promise<void>) | undefined
  evict(what: Evicted): Promise<void>
  /** Everything is gone at once. */
  lose(): Promise<void>
}

export type Evicted = 'blocks' | 'counters' | 'turns'

/** What holds a scope state, and how it loses things. */
export interface Backing {
  state: ScopeState
  evict(what: Evicted): Promise<void>
  lose(): Promise<void>
}

/** @param commits how many commits of the record store there were so far */
export type Sabotage = (state: ScopeState, commits: () => number) => ScopeState

/** In this process, with room for little. */
export function inProcessBacking(now: () => number, commits: () => number, sabotage?: Sabotage): Backing {
  const open = () => {
    const state = createInProcessScopeState({ maxEntries: ROOM, maxBytes: 10_000_000, now })
    return sabotage ? sabotage(state, commits) : state
  }
  let inner = open()
  const state = Object.fromEntries(
    Object.keys(inner).map((name) => [
      name,
      // biome-ignore lint/suspicious/noExplicitAny: each method with its own arguments
      (...args: any[]) => (inner as any)[name](...args),
    ]),
  ) as unknown as ScopeState
  return {
    state: { ...state, kind: 'test' },
    async evict(what) {
      for (let i = 0; i < ROOM; i++) {
        const other = `evict/${i}`
        if (what === 'counters') await inner.counters(other)
        else if (what === 'turns') await inner.noteTurn(other, 'c', 1, 'added', now())
        else await inner.fill('evict/0', String(i), '', 1000, await inner.counters('evict/0'))
      }
    },
    async lose() {
      inner = open()
    },
  }
}

export function testState({ state, evict, lose }: Backing): TestState {
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
    clear: reachable(state.clear),
    lease: reachable(state.lease),
    noteTurn: reachable(state.noteTurn),
    turns: reachable(state.turns),
    check: reachable(state.check),
    close: async () => {},
    evict,
    lose,
  }
  return self
}
