import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessScopeLock } from '../../../../sidecar/adapters/in-process/lock.ts'
import { ExperimentBook } from '../../../../sidecar/experiments/online/experiment-book.ts'
import { Experiments } from '../../../../sidecar/experiments/online/experiments.ts'
import { UnitStore } from '../../../../sidecar/experiments/online/unit-store.ts'
import {
  NO_TIME,
  type StrategyRequest,
  type StrategyResult,
  uncached,
} from '../../../../sidecar/retrieval/strategies/request.ts'
import type { Strategies } from '../../../../sidecar/retrieval/strategies/strategies.ts'
import { stoppedClock } from '../../../helpers/clock.ts'
import { openMemoryRecords } from '../../../helpers/sqlite.ts'

const SCOPE = { namespace: 'default', userId: 'ada' }
const ARMS = [
  { name: 'a', weight: 1000, strategy: 'per_query' as const },
  { name: 'b', weight: 0.001, strategy: 'cached' as const },
]
const NEW = { name: 'e', unit: 'conversation' as const, arms: ARMS, outcome: 'thumbs', shadow_share: 0 }

/** Two processes on one store and one lock. */
function open() {
  const records = openMemoryRecords()
  const lock = createInProcessScopeLock()
  const clock = stoppedClock()
  const strategies: Pick<Strategies, 'recall'> = {
    async recall(_, { strategy }): Promise<StrategyResult> {
      const texts = { context: '', block: '', delta: '' }
      const used = strategy === 'auto' ? 'cached_delta' : strategy
      return {
        strategy: used,
        ...texts,
        tokens: 0,
        memories: [],
        cache: uncached('disabled'),
        degraded: [],
        tookMs: NO_TIME,
      }
    },
  }
  const process = () => {
    const book = new ExperimentBook({ records, lock, now: clock.now })
    const units = new UnitStore({ records, lock })
    const experiments = new Experiments({
      strategies: strategies as Strategies,
      ...{ book, units, now: clock.now, assignDeadlineMs: 60_000 },
    })
    const recall = async (conversationId: string, turn = 1) => {
      const request: StrategyRequest = {
        query: 'q',
        strategy: 'auto',
        topK: 10,
        tokenBudget: 100,
        conversationId,
        turn,
      }
      return (await experiments.recall(SCOPE, request, 'e')).experiment
    }
    return { book, experiments, recall }
  }
  const [one, two] = [process(), process()]
  onTestFinished(async () => {
    await one.experiments.close()
    await two.experiments.close()
    await records.close()
  })
  return { one, two, clock }
}

describe('two processes', () => {
  it('give the same arm to units that both see at once, while one of them has outdated weights', async () => {
    const { one, two } = open()
    await one.book.create('default', NEW, true)
    expect(await two.recall('before')).toMatchObject({ arm: 'a' })
    await one.book.update('default', 'e', {
      arms: [
        { name: 'a', weight: 0.001 },
        { name: 'b', weight: 1000 },
      ],
    })
    for (let i = 0; i < 20; i++) {
      const [a, b] = await Promise.all([one.recall(`c${i}`), two.recall(`c${i}`)])
      expect(a).toEqual({ name: 'e', arm: 'b', reason: 'assigned' })
      expect(b).toEqual(a)
    }
    expect(await one.recall('before', 2)).toMatchObject({ arm: 'a' })
  })

  it('assign no unit that one of them does not know to be stopped, or deleted', async () => {
    const { one, two } = open()
    await one.book.create('default', NEW, true)
    await two.recall('known')
    await one.book.pause('default', 'e')
    expect(await two.recall('new')).toEqual({ name: 'e', arm: '', reason: 'paused' })
    await two.experiments.flush()
    await one.experiments.delete('default', 'e')
    expect(await two.recall('new')).toEqual({ name: 'e', arm: '', reason: 'unknown' })
    await two.recall('known', 2)
    await two.experiments.flush()
    expect(two.experiments.lost).toBe(1)
  })

  it('add the rows of both to a unit, and a turn that both answered once', async () => {
    const { one, two } = open()
    const { salt } = await one.book.create('default', NEW, true)
    await one.recall('c', 1)
    await two.recall('c', 1)
    await two.recall('c', 2)
    await two.experiments.flush()
    const units = await Array.fromAsync(one.experiments.unitsOf('default', { salt }))
    expect(units).toMatchObject([{ arm: 'a', turns: 2 }])
  })
})

describe('attribution', () => {
  it('finds the units of a conversation, and adds outcomes that survive', async () => {
    const { one, two, clock } = open()
    const { salt } = await one.book.create('default', NEW, true)
    await one.book.create('default', { ...NEW, name: 'users', unit: 'user' }, true)
    await one.book.create('default', { ...NEW, name: 'draft' }, false)
    await one.recall('c')
    expect(await two.experiments.attribute({ scope: SCOPE, conversationId: 'other' })).toEqual([])
    expect(await two.experiments.attribute({ scope: SCOPE })).toEqual([])
    const [unit, ...others] = await two.experiments.attribute({ scope: SCOPE, conversationId: 'c' })
    expect(others).toEqual([])
    expect(unit).toMatchObject({ experiment: { name: 'e' }, arm: 'a', unitId: '["ada","c"]' })
    const thumb = { id: 'm1', name: 'thumbs', at: clock.now() }
    expect(await two.experiments.addOutcome(unit as never, { ...thumb, value: 0 })).toBe('added')
    expect(await one.experiments.addOutcome(unit as never, { ...thumb, value: 1 })).toBe('replaced')
    two.experiments.noteOutcome(unit as never, { ...thumb, name: 'repeated', value: 1 })
    await two.experiments.flush()
    const [summary] = await Array.fromAsync(one.experiments.unitsOf('default', { salt }))
    expect(summary?.outcomes).toEqual({
      thumbs: { n: 1, sum: 1, squares: 1 },
      repeated: { n: 1, sum: 1, squares: 1 },
    })
  })
})
