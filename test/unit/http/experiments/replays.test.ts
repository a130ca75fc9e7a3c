import { expect, it } from 'vitest'
import { parseApiKeys } from '../../../../sidecar/http/access/api-keys.ts'
import { said, testApp } from '../../../helpers/test-app.ts'

type App = ReturnType<typeof testApp>

/** Starts a replay and waits for its end. */
async function replayed(app: App, body: object = {}, headers: Record<string, string> = {}) {
  const started = await app.call('POST', '/v1/replays', body, headers)
  expect(started).toMatchObject({ status: 200, body: { status: 'running' } })
  const path = `/v1/replays/${started.body.id}`
  const statusOf = async () => (await app.call('GET', path, undefined, headers)).body.status
  await expect.poll(statusOf, { timeout: 50_000 }).not.toBe('running')
  return await app.call('GET', path, undefined, headers)
}

it.each([
  [{ strategies: [] }, 'strategies: '],
  [{ strategies: ['cache'] }, 'strategies[0]: '],
  [{ windows: [0] }, 'windows[0]: expected an integer from 1 to 500, got 0'],
  [{ windows: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, 'windows: '],
  [{ refresh_on_shift: 2 }, 'refresh_on_shift: expected a number from 0 to 1, got 2'],
  [{ since: 'yesterday' }, 'since: expected an age such as 30d or 12h'],
  [{ since: '2026-02-31' }, 'since: expected an age such as 30d or 12h'],
  [{ top_k: 101 }, 'top_k: expected an integer from 1 to 100, got 101'],
  [{ user: 'ada' }, 'unknown field user'],
])('refuses %j', async (body, message) => {
  const { status, body: answer } = await testApp().call('POST', '/v1/replays', body)
  expect(status).toBe(400)
  expect(answer.error.message).toContain(message)
})

it('sees only the users of its namespace, and a replay only from there', async () => {
  const app = testApp({ apiKeys: parseApiKeys('one:key-of-the-first-app,two:key-of-the-second-app') })
  const [one, two] = ['key-of-the-first-app', 'key-of-the-second-app'].map((key) => ({
    authorization: `Bearer ${key}`,
  }))
  const turn = said('I live in Kyoto.', { conversation_id: 'c', turn: 1 })
  expect((await app.call('POST', '/v1/memories', turn, one)).status).toBe(200)
  const own = await replayed(app, {}, one)
  expect(own.body).toMatchObject({ status: 'done', total: 1, result: { users: 1, turns: 1 } })
  expect((await replayed(app, {}, two)).body.result).toMatchObject({ users: 0, turns: 0 })
  expect((await app.call('GET', `/v1/replays/${own.body.id}`, undefined, two)).status).toBe(404)
  expect((await app.call('DELETE', `/v1/replays/${own.body.id}`, undefined, two)).status).toBe(404)
  expect((await app.call('GET', '/v1/replays', undefined, two)).body.count).toBe(1)
})

it('keeps the latest 10 replays', async () => {
  const app = testApp()
  const first = await replayed(app)
  for (let i = 0; i < 10; i++) await replayed(app)
  expect((await app.call('GET', '/v1/replays')).body.count).toBe(10)
  expect((await app.call('GET', `/v1/replays/${first.body.id}`)).status).toBe(404)
})

it('reports a store that cannot be read as a failed replay', async () => {
  const app = testApp({
    wrapRecords: (records) => ({ ...records, scopes: () => Promise.reject(new Error('disk on fire')) }),
  })
  expect((await replayed(app)).body).toMatchObject({
    status: 'failed',
    error: 'internal error, see the log of the sidecar',
    result: null,
  })
})
