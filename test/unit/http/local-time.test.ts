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
