import { describe, expect, it } from 'vitest'
import { said, testApp } from '../../../helpers/test-app.ts'

const ARMS = [
  { name: 'per_query', strategy: 'per_query' },
  { name: 'cached', strategy: 'cached_delta', token_budget: 800 },
]
const EXPERIMENT = { name: 'cached-or-not', arms: ARMS, shadow_share: 0 }
const PATH = '/v1/experiments'

const recall = (conversation: string, turn: number, rest: object = {}) => ({
  query: 'What is Ada allergic to?',
  user_id: 'ada',
  conversation_id: conversation,
  turn,
  window_size: 5,
  experiment: 'cached-or-not',
  ...rest,
})

describe('POST /v1/experiments', () => {
  it('creates and starts an experiment, and does not show its salt', async () => {
    const { call } = testApp()
    const { status, body } = await call('POST', PATH, EXPERIMENT)
    expect(status).toBe(200)
    expect(body).toEqual({
      name: 'cached-or-not',
      status: 'running',
      unit: 'conversation',
      arms: [
        { name: 'per_query', weight: 1, strategy: 'per_query', units: 0, turns: 0 },
        { name: 'cached', weight: 1, strategy: 'cached_delta', token_budget: 800, units: 0, turns: 0 },
      ],
      outcome: 'thumbs',
      shadow_share: 0,
      created_at: '2026-03-01T09:00:00.000Z',
      started_at: '2026-03-01T09:00:00.000Z',
      stopped_at: null,
      units: 0,
      turns: 0,
      conflicts: 0,
    })
    expect((await call('GET', PATH)).body).toEqual({ experiments: [body], count: 1 })
    expect((await call('GET', `${PATH}/cached-or-not`)).body).toEqual(body)
  })

  it.each([
    ['one arm', { arms: ARMS.slice(0, 1) }, 'arms: expected at least 2 arms, got an array of 1'],
    [
      '1,000 arms',
      { arms: Array.from({ length: 1000 }, (_, i) => ({ ...ARMS[0], name: `a${i}` })) },
      'arms: expected at most 10 arms, got an array of 1000',
    ],
    [
      'a weight of 0',
      { arms: [{ ...ARMS[0], weight: 0 }, ARMS[1]] },
      'arms[0].weight: expected a number above 0 and at most 1000 (pause or stop the experiment instead of 0), got 0',
    ],
    [
      'a weight above 1000',
      { arms: [{ ...ARMS[0], weight: 1001 }, ARMS[1]] },
      'arms[0].weight: expected a number above 0 and at most 1000 (pause or stop the experiment instead of 0), got 1001',
    ],
    [
      'a repeated arm name',
      { arms: [ARMS[0], ARMS[0]] },
      'arms[1].name: expected each name once, got "per_query"',
    ],
    ['an unknown strategy', { arms: [{ name: 'a', strategy: 'fast' }, ARMS[1]] }, 'arms[0].strategy: '],
    ['a name with a slash', { name: 'a/b' }, 'name: expected 1 to 64 letters'],
    ['a shadow share above 1', { shadow_share: 2 }, 'shadow_share: expected a number from 0 to 1, got 2'],
    ['an unknown field', { arm: [] }, 'body: unknown field arm'],
  ])('refuses %s', async (_, change, message) => {
    const { call } = testApp()
    const { status, body } = await call('POST', PATH, { ...EXPERIMENT, ...change })
    expect(status).toBe(400)
    expect(body.error.message).toContain(message)
  })

  it('refuses a name that is taken', async () => {
    const { call } = testApp()
    await call('POST', PATH, EXPERIMENT)
    const { status, body } = await call('POST', PATH, EXPERIMENT)
    expect({ status, code: body.error.code }).toEqual({ status: 409, code: 'conflict' })
  })
})

describe('POST /v1/recall under an experiment', () => {
  it('answers with one arm per conversation and counts its turns', async () => {
    const { call } = testApp()
    await call('POST', PATH, EXPERIMENT)
    await call('POST', '/v1/memories', said('I am allergic to peanuts.'))
    const arms = new Map<string, string>()
    for (const turn of [1, 2, 3]) {
      for (let i = 0; i < 20; i++) {
        const { status, body } = await call('POST', '/v1/recall', recall(`c${i}`, turn))
        expect(status).toBe(200)
        expect(body.experiment).toMatchObject({ name: 'cached-or-not', reason: 'assigned' })
        const { arm } = body.experiment
        expect(body.strategy).toBe(arm === 'cached' ? 'cached_delta' : 'per_query')
        expect(arms.get(`c${i}`) ?? arm).toBe(arm)
        arms.set(`c${i}`, arm)
      }
    }
    const { body } = await call('GET', `${PATH}/cached-or-not`)
    expect(body).toMatchObject({ units: 20, turns: 60, conflicts: 0 })
    const counts = body.arms.map(({ name, units }: { name: string; units: number }) => [name, units])
    expect(counts).toEqual(
      ['per_query', 'cached'].map((name) => [name, [...arms.values()].filter((arm) => arm === name).length]),
    )
    expect(Math.min(...counts.map(([, units]: [string, number]) => units))).toBeGreaterThan(0)
  })
})
