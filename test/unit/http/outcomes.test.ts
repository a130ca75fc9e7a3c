import { describe, expect, it } from 'vitest'
import { type TestAppOptions, testApp } from '../../helpers/test-app.ts'
import { readMetrics } from '../insight/metrics/read.ts'

const ARMS = [
  { name: 'fresh', strategy: 'per_query' },
  { name: 'block', strategy: 'cached' },
]

async function open(options: TestAppOptions & { unit?: string } = {}) {
  const { unit = 'conversation', ...rest } = options
  const app = testApp(rest)
  const { call, services } = app
  await call('POST', '/v1/experiments', { name: 'ab', unit, arms: ARMS, shadow_share: 0 })
  const user_id = 'ada'
  return {
    ...app,
    async recall(turn: number, query: string, conversation_id = 'c1') {
      const body = { user_id, conversation_id, turn, query, window_size: 10, strategy: 'experiment' }
      const answer = await call('POST', '/v1/recall', { ...body, experiment: 'ab' })
      expect(answer.body.experiment.reason).toBe('assigned')
      return answer.body
    },
    async add(turn: number, user: string, assistant: string, conversation_id = 'c1') {
      const messages = [
        { role: 'user', content: user },
        { role: 'assistant', content: assistant },
      ]
      await call('POST', '/v1/memories', { user_id, conversation_id, turn, messages })
      await services.derivedOutcomes.drained()
    },
    async record(body: Record<string, unknown>) {
      return await call('POST', '/v1/outcomes', { user_id, ...body })
    },
    /** Number and sum of the values of an outcome in all units. */
    async outcome(name: string) {
      const experiment = await services.experimentBook.get('default', 'ab')
      const sum = { n: 0, sum: 0 }
      for await (const { outcomes } of services.experiments.unitsOf('default', experiment)) {
        sum.n += outcomes[name]?.n ?? 0
        sum.sum += outcomes[name]?.sum ?? 0
      }
      return sum
    },
    async scrape() {
      await services.experiments.flush()
      return readMetrics(await (await app.fetch('/metrics')).text())
    },
  }
}

describe('POST /v1/outcomes', () => {
  it('attributes an outcome to the arm of its conversation', async () => {
    const { recall, record, outcome } = await open()
    const { experiment } = await recall(1, 'Where do I live?')
    const { status, body } = await record({ name: 'thumbs', value: 'like', conversation_id: 'c1', turn: 1 })
    expect(status).toBe(200)
    expect(body).toEqual({
      status: 'ok',
      attributed: [{ experiment: 'ab', arm: experiment.arm }],
      reason: null,
    })
    expect(await outcome('thumbs')).toEqual({ n: 1, sum: 1 })
  })

  it('answers no_unit, which is not an error, if no experiment has assigned the unit', async () => {
    const { recall, record } = await open()
    await recall(1, 'Where do I live?')
    for (const place of [{ conversation_id: 'c2' }, {}, { conversation_id: 'c1', user_id: 'bob' }]) {
      const { status, body } = await record({ name: 'thumbs', value: 1, ...place })
      expect([status, body]).toEqual([200, { status: 'ok', attributed: [], reason: 'no_unit' }])
    }
  })

  it('attributes to a user without a conversation where the unit is the user', async () => {
    const { recall, record, outcome } = await open({ unit: 'user' })
    await recall(1, 'Where do I live?')
    expect((await record({ name: 'rating', value: '4.5' })).body.attributed).toHaveLength(1)
    expect(await outcome('rating')).toEqual({ n: 1, sum: 4.5 })
  })

  it.each([
    [true, 1],
    [false, 0],
    ['LIKE', 1],
    ['dislike', 0],
    ['up', 1],
    [' down ', 0],
    ['true', 1],
    [0.25, 0.25],
    ['-1e3', -1000],
  ])('reads the value %j as %d', async (value, expected) => {
    const { recall, record, outcome } = await open()
    await recall(1, 'x')
    await record({ name: 'thumbs', value, conversation_id: 'c1' })
    expect(await outcome('thumbs')).toEqual({ n: 1, sum: expected })
  })

  it.each([['yes please'], [''], ['0x10'], ['NaN'], [{}], [[1]], ['1e400'], [1e200], [undefined], [null]])(
    'refuses the value %j',
    async (value) => {
      const { record } = await open()
      const { status, body } = await record({ name: 'thumbs', value, conversation_id: 'c1' })
      expect(status).toBe(400)
      expect(body.error.message).toMatch(
        /^value: expected a number from -1e150 to 1e150, true, false, like, dislike, up, down or none/,
      )
    },
  )

  it('refuses a turn without a conversation, and the removal of an outcome without an id', async () => {
    const { record } = await open()
    const messageOf = async (body: object) => (await record({ name: 'thumbs', ...body })).body.error.message
    expect(await messageOf({ value: 1, turn: 1 })).toMatch(/^conversation_id: expected a conversation id/)
    expect(await messageOf({ value: 'none', conversation_id: 'c1' })).toMatch(
      /^id: expected the id or the turn/,
    )
  })

  it('counts an outcome with an id once, replaces it, and removes it', async () => {
    const { recall, record, outcome, scrape } = await open()
    await recall(1, 'x')
    const rate = (value: unknown, id: string) => record({ name: 'thumbs', value, id, conversation_id: 'c1' })
    await rate('like', 'm1')
    await rate('like', 'm1')
    await rate('like', 'm2')
    expect(await outcome('thumbs')).toEqual({ n: 2, sum: 2 })
    await rate('dislike', 'm1')
    expect(await outcome('thumbs')).toEqual({ n: 2, sum: 1 })
    await rate('none', 'm1')
    await rate('none', 'm1')
    await rate('none', 'never-rated')
    expect(await outcome('thumbs')).toEqual({ n: 1, sum: 1 })
    const { value } = await scrape()
    expect(value('hippocache_outcomes', { name: 'thumbs' })).toBe(1)
    expect(value('hippocache_outcome_value_sum', { name: 'thumbs' })).toBe(1)
    await rate('none', 'm2')
    expect(await outcome('thumbs')).toEqual({ n: 0, sum: 0 })
  })

  it('has one outcome of a name per turn, and one per call without a turn', async () => {
    const { recall, record, outcome } = await open()
    await recall(1, 'x')
    for (const value of [0, 1]) await record({ name: 'solved', value, conversation_id: 'c1', turn: 1 })
    for (const value of [2, 3]) await record({ name: 'clicks', value, conversation_id: 'c1' })
    expect(await outcome('solved')).toEqual({ n: 1, sum: 1 })
    expect(await outcome('clicks')).toEqual({ n: 2, sum: 5 })
  })

  it('keeps ratings replaceable beside many outcomes of other names', async () => {
    const { recall, record, outcome } = await open()
    await recall(1, 'x')
    await record({ name: 'thumbs', value: 1, conversation_id: 'c1', id: 'm1' })
    for (let turn = 1; turn <= 150; turn++) {
      await record({ name: 'solved', value: 1, conversation_id: 'c1', turn })
    }
    await record({ name: 'thumbs', value: 'none', conversation_id: 'c1', id: 'm1' })
    expect(await outcome('thumbs')).toEqual({ n: 0, sum: 0 })
    expect(await outcome('solved')).toEqual({ n: 150, sum: 150 })
  })

  it('refuses the names of too many outcomes with a reason', async () => {
    const { recall, record } = await open()
    await recall(1, 'x')
    for (let i = 0; i < 50; i++) await record({ name: `o${i}`, value: 1, conversation_id: 'c1' })
    const { body } = await record({ name: 'o50', value: 1, conversation_id: 'c1' })
    expect(body).toEqual({ status: 'ok', attributed: [], reason: 'not_counted' })
  })
})

describe('derived outcomes', () => {
  it('follow from recalls, added turns and corrections', async () => {
    const { call, recall, add, outcome, scrape, services } = await open()
    await add(1, 'My rescued greyhound used to race as Tuppenny Hurricane.', 'What a name!', 'c0')
    const question = 'What was my greyhound called in a race?'
    const recalled = await recall(1, question)
    expect(recalled.count).toBeGreaterThan(0)
    await add(1, question, 'Tuppenny Hurricane.')
    expect(await outcome('regenerated')).toEqual({ n: 1, sum: 0 })
    expect((await outcome('grounded_share')).sum).toBeGreaterThan(0)
    await recall(1, question)
    await add(1, question, 'Your greyhound raced as Tuppenny Hurricane.')
    expect(await outcome('regenerated')).toEqual({ n: 1, sum: 1 })
    await recall(2, 'I already told you that I live in Kyoto.')
    await add(2, 'I already told you that I live in Kyoto.', 'Sorry!')
    expect(await outcome('repeated_or_corrected')).toEqual({ n: 2, sum: 1 })

    const { id } = recalled.memories.find(({ memory }: { memory: string }) =>
      /greyhound used to race/.test(memory),
    )
    expect(await outcome('memory_corrected')).toEqual({ n: 2, sum: 0 })
    await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', importance: 5 })
    expect(await outcome('memory_corrected')).toEqual({ n: 2, sum: 0 })
    await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: 'The dog is called Rex.' })
    await services.derivedOutcomes.drained()
    expect(await outcome('memory_corrected')).toEqual({ n: 2, sum: 1 })
    const { value } = await scrape()
    expect(value('hippocache_outcome_value_sum', { name: 'regenerated' })).toBe(1)
    expect(value('hippocache_outcomes', { name: 'regenerated' })).toBe(2)
  })

  it.each(['delete', 'restore'])('count a memory that is changed by %s', async (change) => {
    const { call, recall, add, outcome, services } = await open()
    await add(1, 'I live in Kyoto.', 'Nice!', 'c0')
    const [{ id }] = (await call('GET', '/v1/memories?user_id=ada')).body.memories
    await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: 'I live in Osaka, not in Kyoto.' })
    await recall(1, 'Do I live in Osaka or in Kyoto?')
    await add(1, 'Do I live in Osaka or in Kyoto?', 'In Osaka.')
    expect(await outcome('memory_corrected')).toEqual({ n: 1, sum: 0 })
    if (change === 'delete') await call('DELETE', `/v1/memories/${id}?user_id=ada`)
    else await call('POST', `/v1/memories/${id}/restore`, { user_id: 'ada' })
    await services.derivedOutcomes.drained()
    expect(await outcome('memory_corrected')).toEqual({ n: 1, sum: 1 })
  })

  it('do not exist without an experiment', async () => {
    const { call, services, outcome } = await open()
    const turn = { user_id: 'ada', conversation_id: 'c1', turn: 1 }
    await call('POST', '/v1/recall', { ...turn, query: 'x' })
    await call('POST', '/v1/memories', {
      ...turn,
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: 'y' },
      ],
    })
    await services.derivedOutcomes.drained()
    expect(await outcome('regenerated')).toEqual({ n: 0, sum: 0 })
  })

  it('are erased with the user', async () => {
    const { call, recall, add, outcome } = await open()
    await recall(1, 'x')
    await call('DELETE', '/v1/memories?user_id=ada')
    await add(1, 'x', 'y')
    expect(await outcome('regenerated')).toEqual({ n: 0, sum: 0 })
  })
})
