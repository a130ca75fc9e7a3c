import { createInProcessScopeState } from '../../../../../sidecar/adapters/in-process/scope-state.ts'
import { CacheUnavailable } from '../../../../../sidecar/ports/cache-store.ts'
import type { ScopeState } from '../../../../../sidecar/ports/scope-state.ts'

/** Fewer entries than any schedule needs, so that entries are evicted. */
export const MAX_ENTRIES = 8

/** A scope state that can be unreachable, lose data, and pause before it stores a block. */
export interface TestState extends ScopeState {
  isAway: boolean
  /** Runs once, before the next block is stored. */
  beforeFill: (() => Promise<void>) | undefined
  evict(what: Evicted): Promise<void>
  /** Loses all data. */
  lose(): Promise<void>
}

export type Evicted = 'blocks' | 'counters' | 'turns'

/** A scope state and the ways in which it loses data. */
export interface Backing {
  state: ScopeState
  evict(what: Evicted): Promise<void>
  lose(): Promise<void>
}

/** @param commits returns the number of commits of the record store so far */
export type Sabotage = (state: ScopeState, commits: () => number) => ScopeState

/** An in-process scope state with a small capacity. */
export function inProcessBacking(now: () => number, commits: () => number, sabotage?: Sabotage): Backing {
  const open = () => {
    const state = createInProcessScopeState({ maxEntries: MAX_ENTRIES, maxBytes: 10_000_000, now })
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
      for (let i = 0; i < MAX_ENTRIES; i++) {
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

/** Adds failure injection to a scope state. Wraps every method, so that it fails while the state is away. */
export function testState({ state, evict, lose }: Backing): TestState {
  const self = { kind: 'test', isAway: false, beforeFill: undefined, evict, lose } as TestState
  const whileReachable = (call: (...args: unknown[]) => unknown) => {
    return async (...args: unknown[]) => {
      if (self.isAway) throw new CacheUnavailable('unreachable', 'the scope state is away')
      return await call(...args)
    }
  }
  const methods = Object.entries(state).filter(([, value]) => typeof value === 'function')
  return Object.assign(
    self,
    Object.fromEntries(methods.map(([name, call]) => [name, whileReachable(call)])),
    {
      fill: whileReachable(async (...args) => {
        const beforeFill = self.beforeFill
        self.beforeFill = undefined
        await beforeFill?.()
        return await state.fill(...(args as Parameters<ScopeState['fill']>))
      }),
      close: async () => {},
    },
  )
}
