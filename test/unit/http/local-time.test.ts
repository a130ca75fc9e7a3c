import { describe, expect, it } from 'vitest'
import { said, testApp } from '../../helpers/test-app.ts'

const AT = '2026-03-01T00:30:00+09:00'
const UTC_AT = '2026-02-28T15:30:00Z'

const saidAt = (content: string, at: string | undefined, rest: Record<string, unknown> = {}) =>
  said('', { messages: [{ role: 'user', content, ...(at === undefined ? {} : { at }) }], ...rest })

async function shown({ call }: ReturnType<typeof testApp>, query: string) {
  const recalled = await call('POST', '/v1/recall', { user_id: 'ada', query, strategy: 'per_query' })
  const [first] = recalled.body.memories
  const profile = await call('GET', '/v1/profile?user_id=ada')
  return {
    at: first.at,
    valid_from: first.valid_from,
    context: recalled.body.context,
    profile: profile.body.text,
  }
}

describe('the local time of a memory', () => {
  it('is that of the offset of its message', async () => {
    const app = testApp()
    await app.call('POST', '/v1/memories', saidAt('I flew to Rome yesterday.', AT))
    expect(await shown(app, 'Rome')).toEqual({
      at: '2026-03-01T00:30:00.000+09:00',
      valid_from: '2026-02-28T15:30:00.000Z',
      context: expect.stringContaining('- [2026-03-01] user: I flew to Rome yesterday.'),
      profile: expect.stringContaining('- [2026-03-01] I flew to Rome yesterday.'),
    })
  })

  it.each([
    ['with Z', UTC_AT],
    ['without a time', undefined],
  ])("is that of the app's time_zone for a message %s", async (_name, at) => {
    const app = testApp()
    app.clock.advance(Date.parse(UTC_AT) - app.clock.now())
    await app.call('PUT', '/v1/rules', { app_id: 'tokyo', rules: { time_zone: 'Asia/Tokyo' } })
    await app.call('POST', '/v1/memories', saidAt('I flew to Rome yesterday.', at, { app_id: 'tokyo' }))
    expect(await shown(app, 'Rome')).toMatchObject({
      at: '2026-03-01T00:30:00.000+09:00',
      context: expect.stringContaining('- [2026-03-01] user: I flew'),
    })
  })

  it('is UTC without offset and rule, also after the rule has changed', async () => {
    const app = testApp()
    await app.call('POST', '/v1/memories', saidAt('I flew to Rome yesterday.', UTC_AT))
    await app.call('PUT', '/v1/rules', { rules: { time_zone: 'Asia/Tokyo' } })
    expect(await shown(app, 'Rome')).toMatchObject({
      at: '2026-02-28T15:30:00.000Z',
      context: expect.stringContaining('- [2026-02-28] user: I flew'),
    })
  })

  it('is kept by an export and its import', async () => {
    const [from, to] = [testApp(), testApp()]
    await from.call('POST', '/v1/memories', saidAt('I flew to Rome yesterday.', AT, { conversation_id: 'c' }))
    const lines = (await (await from.fetch('/v1/export?user_id=ada')).text()).trim().split('\n')
    const records = lines.map((line) => JSON.parse(line)).slice(1, -1)
    expect((await to.call('POST', '/v1/import', { user_id: 'ada', records })).status).toBe(200)
    expect(await shown(to, 'Rome')).toEqual(await shown(from, 'Rome'))
  })

  it('of an imported memory is that of its offset, else of the time_zone', async () => {
    const app = testApp()
    await app.call('PUT', '/v1/rules', { rules: { time_zone: 'America/New_York' } })
    const memories = [
      { id: '1', memory: 'Ada flew to Rome.', at: AT },
      { id: '2', memory: 'Ada flew to Oslo.', at: '2026-03-01T01:00:00Z' },
    ]
    await app.call('POST', '/v1/memories/import', { user_id: 'ada', memories })
    expect((await shown(app, 'Rome')).at).toBe('2026-03-01T00:30:00.000+09:00')
    expect((await shown(app, 'Oslo')).at).toBe('2026-02-28T20:00:00.000-05:00')
  })
})

describe('the model', () => {
  it.each([
    ['the offset of the message', AT, undefined, 'user, Sun 2026-03-01: '],
    ["the app's time_zone", UTC_AT, 'Asia/Tokyo', 'user, Sun 2026-03-01: '],
    ['UTC without either', UTC_AT, undefined, 'user, Sat 2026-02-28: '],
  ])('gets the local date by %s', async (_name, at, time_zone, line) => {
    const prompts: string[] = []
    const facts = [{ text: 'The user flew to Rome on 2026-02-28.', event_date: '2026-02-28', messages: [1] }]
    const { call } = testApp({
      model: {
        kind: 'scripted',
        complete: async ({ messages }) => {
          prompts.push(messages.map(({ content }) => content).join('\n'))
          return { text: JSON.stringify({ facts }), calls: [], finish: 'stop', model: 'scripted' }
        },
      },
    })
    await call('PUT', '/v1/rules', { rules: time_zone === undefined ? {} : { time_zone } })
    const turn = (text: string, n: number) =>
      call('POST', '/v1/memories', saidAt(text, at, { conversation_id: 'c', turn: n, mode: 'sync' }))
    await turn('I flew to Rome yesterday.', 1)
    expect(prompts[0]).toContain(`[1] ${line}I flew to Rome yesterday.`)
    const { body } = await call('GET', '/v1/memories?user_id=ada')
    expect(body.memories[0]).toMatchObject({ kind: 'extracted', event_date: '2026-02-28' })
    expect(body.memories[0].at).toBe(
      line.includes('Sun') ? '2026-03-01T00:30:00.000+09:00' : '2026-02-28T15:30:00.000Z',
    )
    // As recent context of the next batch, too.
    await turn('It was raining in Rome.', 2)
    expect(prompts.find((one) => one.includes('<recent>'))).toContain(`${line}I flew to Rome yesterday.`)
  })
})

describe('a query that names a day', () => {
  const FILLER = ['I like tea.', 'My sister is Mia.', 'We painted the kitchen.', 'The garden needs water.']

  /** Says one of the sentences a day at 00:30 of the offset, from 6 to 11 April, and other things on 9 April. */
  async function week(offset: string) {
    const app = testApp()
    for (const day of ['06', '07', '08', '10', '11']) {
      await app.call(
        'POST',
        '/v1/memories',
        saidAt(`What happened: the event of the ${day}th.`, `2026-04-${day}T00:30:00${offset}`),
      )
    }
    for (const [i, text] of FILLER.entries()) {
      await app.call(
        'POST',
        '/v1/memories',
        saidAt(text, `2026-04-09T${i === 0 ? '00:01' : `23:5${i}`}:00${offset}`),
      )
    }
    return app
  }

  it.each(['+09:00', '-08:00', '+00:00'])(
    'ranks the memories of that local day first, at %s',
    async (offset) => {
      const { call } = await week(offset)
      for (const query of [
        'What happened on 2026-04-09?',
        'What happened on 2026/04/09?',
        'What happened on 9 April?',
        'What happened on April 9, 2026?',
        '4月9日に何があった？',
        '2026年4月9日发生了什么？',
        '¿Qué pasó el 9 de abril?',
        'Was ist am 9. April passiert?',
        'Was ist am 9.4.2026 passiert?',
        '4월 9일에 무슨 일이 있었어?',
      ]) {
        const { body } = await call('POST', '/v1/memories/search', {
          user_id: 'ada',
          query,
          top_k: FILLER.length,
        })
        const texts = body.memories.map(({ memory }: { memory: string }) => memory)
        expect([query, texts.sort()]).toEqual([query, FILLER.toSorted()])
      }
    },
  )

  it('finds what was said the day after, with its local "yesterday"', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', saidAt('I flew to Rome yesterday.', AT))
    await call('POST', '/v1/memories', saidAt('I flew to Oslo.', '2026-02-27T12:00:00+09:00'))
    await call('POST', '/v1/memories', saidAt('I flew to Bonn.', '2026-03-02T12:00:00+09:00'))
    const query = 'Where did I fly to on 28 February 2026?'
    const { body } = await call('POST', '/v1/memories/search', { user_id: 'ada', query })
    expect(body.memories[0].memory).toBe('I flew to Rome yesterday.')
  })
})

describe('"yesterday" in a query', () => {
  // 00:30 on 10 April in Tokyo is still 9 April in UTC.
  const NOW = '2026-04-10T00:30:00+09:00'

  async function search(at: string | undefined, time_zone?: string) {
    const { call, clock } = testApp()
    clock.advance(Date.parse(NOW) - clock.now())
    if (time_zone) await call('PUT', '/v1/rules', { rules: { time_zone } })
    await call('POST', '/v1/memories', saidAt('I ate an apple.', '2026-04-09T12:00:00+09:00'))
    await call('POST', '/v1/memories', saidAt('I ate a banana.', '2026-04-08T12:00:00+09:00'))
    const body = { user_id: 'ada', query: 'What did I eat yesterday?', ...(at === undefined ? {} : { at }) }
    const found = await call('POST', '/v1/memories/search', body)
    const recalled = await call('POST', '/v1/recall', { ...body, strategy: 'per_query' })
    expect(recalled.body.memories[0].id).toBe(found.body.memories[0].id)
    return found.body.memories[0].memory
  }

  it.each([
    ['UTC without offset and rule', undefined, undefined, 'I ate a banana.'],
    ["the app's time_zone", undefined, 'Asia/Tokyo', 'I ate an apple.'],
    ['the offset of the question', NOW, undefined, 'I ate an apple.'],
    ['the offset of the question, not the time_zone', NOW, 'America/New_York', 'I ate an apple.'],
    ["the app's time_zone for a question with Z", '2026-04-09T15:30:00Z', 'Asia/Tokyo', 'I ate an apple.'],
    // Daylight-saving time has begun: 23:30 in London is already the next day in summer time.
    ['summer time', '2026-04-09T23:30:00Z', 'Europe/London', 'I ate an apple.'],
    ['winter time', '2026-04-09T23:30:00Z', 'Atlantic/Reykjavik', 'I ate a banana.'],
  ])('is that of %s', async (_name, at, zone, expected) => {
    expect(await search(at, zone)).toBe(expected)
  })
})
