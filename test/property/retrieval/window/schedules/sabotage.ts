import type { Services } from '../../../../../sidecar/app/compose.ts'
import type { Memory } from '../../../../../sidecar/memory/model/memory.ts'
import type { ScopeState } from '../../../../../sidecar/ports/scope-state.ts'
import { MAX_ENTRIES, type Sabotage } from '../../../../helpers/retrieval/window/schedules/scope-state.ts'
import type { WorldOptions } from '../../../../helpers/retrieval/window/schedules/world.ts'

/** Stores a slow fill with the current fence although its content was read under an older one. */
export const fillsLate: Sabotage = (state) => ({
  ...state,
  async fill(scope, key, value, ttlMs) {
    const counters = await state.counters(scope)
    const text = value.startsWith('{') ? JSON.stringify({ ...JSON.parse(value), ...counters }) : value
    return await state.fill(scope, key, text, ttlMs, counters)
  },
})

/** Moves the counters only before a removal is committed, not after it. */
export const tellsBefore: Sabotage = (state, commits) => {
  let told = Number.NaN
  return {
    ...state,
    async bump(scope, what) {
      if (what === 'epoch') return await state.bump(scope, what)
      if (commits() === told + 1) return await state.counters(scope)
      told = commits()
      return await state.bump(scope, what)
    },
  }
}

/** Moves the epoch only before a commit, not after it. */
export function bumpsEarly(): WorldOptions {
  let isEarly = false
  return {
    sabotage: (state) => ({
      ...state,
      bump: async (scope, what) =>
        what === 'epoch' && !isEarly ? await state.counters(scope) : await state.bump(scope, what),
    }),
    async beforeCommit(state) {
      isEarly = true
      await state.bump('n/ada', 'epoch').catch(() => {})
      isEarly = false
    },
  }
}

/** Leaves pending turns out of recall. */
export function leavesOutPending({ recall }: Services): void {
  const isLearned = ({ kind }: Memory) => kind !== 'pending'
  const blockCandidates = recall.blockCandidates.bind(recall)
  recall.blockCandidates = async (...args) => {
    const candidates = await blockCandidates(...args)
    const found = candidates.found.filter(({ memory }) => isLearned(memory))
    return { ...candidates, all: candidates.all.filter(isLearned), found }
  }
}

/** Never moves the epoch, so that no addition is noticed. */
export const standsStill: Sabotage = (state) => ({
  ...state,
  async counters(scope) {
    return { ...(await state.counters(scope)), epoch: 1 }
  },
  async read(scope, key, recalled) {
    const { counters, ...rest } = await state.read(scope, key, recalled)
    return { counters: { ...counters, epoch: 1 }, ...rest }
  },
})

/** Restarts evicted counters at 0 while blocks survive. */
export const restartsAtZero: Sabotage = (inner): ScopeState => {
  const counted = new Map<string, { epoch: number; fence: number }>()
  const blocks = new Map<string, { value: string; fence: number }>()
  const at = (scope: string) => {
    const counters = counted.get(scope) ?? { epoch: 0, fence: 0 }
    counted.delete(scope)
    counted.set(scope, counters)
    for (const oldest of counted.keys()) if (counted.size > MAX_ENTRIES - 1) counted.delete(oldest)
    return counters
  }
  return {
    ...inner,
    counters: async (scope) => ({ ...at(scope) }),
    async bump(scope, what) {
      const counters = at(scope)
      counters.epoch += 1
      if (what === 'fence') counters.fence += 1
      return { ...counters }
    },
    async read(scope, key, recalled) {
      if (recalled) await inner.noteTurn(scope, recalled.conversation, recalled.turn, 'recalled', recalled.at)
      const counters = { ...at(scope) }
      const block = blocks.get(`${scope} ${key}`)
      return { counters, block: block?.fence === counters.fence ? { ...block, storedAt: 0 } : undefined }
    },
    async fill(scope, key, value, _ttlMs, expected) {
      if (at(scope).fence !== expected.fence) return false
      blocks.set(`${scope} ${key}`, { value, fence: expected.fence })
      return true
    },
  }
}
