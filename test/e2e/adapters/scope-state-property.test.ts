import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { scopeKeys } from '../../../sidecar/adapters/redis/keys.ts'
import type { Counters, ScopeState } from '../../../sidecar/ports/scope-state.ts'
import { stoppedClock } from '../../helpers/clock.ts'
import { NEEDS, NO_REDIS } from '../../helpers/redis-server.ts'
import { redisScopeState } from '../../helpers/scope-state-subject.ts'
import { useRedis } from '../../helpers/use-redis.ts'

const HOUR = 3_600_000

type Step =
  | { do: 'bump'; scope: number; what: 'epoch' | 'fence' }
  | { do: 'clear'; scope: number }
  | { do: 'begin'; scope: number; reader: number }
  | { do: 'fill'; reader: number; key: number }
  | { do: 'read'; scope: number; key: number }
  | { do: 'evict'; scope: number }
  | { do: 'clock'; by: number }

const scope = fc.nat({ max: 1 })
const key = fc.nat({ max: 1 })
const reader = fc.nat({ max: 3 })

const STEPS: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('bump' as const), scope, what: fc.constantFrom('epoch', 'fence') }),
    fc.record({ do: fc.constant('clear' as const), scope }),
    fc.record({ do: fc.constant('begin' as const), scope, reader }),
    fc.record({ do: fc.constant('fill' as const), reader, key }),
    fc.record({ do: fc.constant('read' as const), scope, key }),
    fc.record({ do: fc.constant('evict' as const), scope }),
    fc.record({ do: fc.constant('clock' as const), by: fc.integer({ min: -5, max: 5 }) }),
  ),
  { maxLength: 60, size: 'max' },
) as fc.Arbitrary<Step[]>

interface World {
  /** Processes that share the state. */
  states: readonly ScopeState[]
  evict: (scope: string) => Promise<void>
  advance: (milliseconds: number) => void
}

/** Runs a schedule; the value of a block is the step at which it was begun. */
async function run(steps: readonly Step[], { states, evict, advance }: World): Promise<void> {
  const fencedAt = [-1, -1]
  const begun = new Map<number, { scope: number; at: number; counters: Counters }>()
  const last = [0, 0]
  const see = (of: number, counters: Counters) => {
    expect(counters.fence).toBeGreaterThanOrEqual(last[of] as number)
    last[of] = counters.fence
  }
  for (const [at, step] of steps.entries()) {
    const state = states[at % states.length] as ScopeState
    if (step.do === 'clock') advance(step.by)
    else if (step.do === 'evict') await evict(`s${step.scope}`)
    else if (step.do === 'bump' || step.do === 'clear') {
      const name = `s${step.scope}`
      see(step.scope, step.do === 'clear' ? await state.clear(name) : await state.bump(name, step.what))
      if (step.do === 'clear' || step.what === 'fence') fencedAt[step.scope] = at
    } else if (step.do === 'begin') {
      const counters = await state.counters(`s${step.scope}`)
      see(step.scope, counters)
      begun.set(step.reader, { scope: step.scope, at, counters })
    } else if (step.do === 'fill') {
      const work = begun.get(step.reader)
      if (work) await state.fill(`s${work.scope}`, `k${step.key}`, String(work.at), HOUR, work.counters)
    } else {
      const { counters, block } = await state.read(`s${step.scope}`, `k${step.key}`)
      see(step.scope, counters)
      if (block) expect(Number(block.value)).toBeGreaterThan(fencedAt[step.scope] as number)
    }
  }
}

describe('a scope state under random schedules', () => {
  it('serves no block that was begun before a fence, in process', async () => {
    await fc.assert(
      fc.asyncProperty(STEPS, async (steps) => {
        const clock = stoppedClock()
        const state = createInProcessScopeState({ maxEntries: 3, maxBytes: 1000, now: clock.now })
        const evict = async () => {
          for (let i = 0; i < 3; i++) await state.counters(`other ${i}`)
        }
        await run(steps, { states: [state], evict, advance: clock.advance })
      }),
      { numRuns: 500 },
    )
  })

  describe.skipIf(NO_REDIS)(`on Redis ${NEEDS}`, () => {
    const redis = useRedis()

    it('serves no block that was begun before a fence, with several processes', async () => {
      const states = [redisScopeState(redis.url), redisScopeState(redis.url)]
      const evict = async (name: string) => void (await redis.admin.del(scopeKeys('p:', name).counters))
      await fc.assert(
        fc
          .asyncProperty(STEPS, (steps) => run(steps, { states, evict, advance: () => {} }))
          .beforeEach(async () => void (await redis.admin.flushall())),
        { numRuns: 60 },
      )
      for (const state of states) await state.close()
    })
  })
})
