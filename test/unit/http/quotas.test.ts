import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import type { QuotaLimits } from '../../../sidecar/memory/store/quotas.ts'
import { type TestApp, testApp } from '../../helpers/test-app.ts'

const NONE: QuotaLimits = { memoriesPerUser: 0, bytesPerUser: 0, usersPerKey: 0 }

const add = ({ call }: TestApp, user_id: string, content: string, headers = {}) =>
  call('POST', '/v1/memories', { user_id, messages: [{ role: 'user', content }] }, headers)

const memoriesOf = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => ({ memory: `My book number ${first + i} is red.` }))

const importOf = ({ call }: TestApp, count: number, first = 0) =>
  call('POST', '/v1/memories/import', { user_id: 'ada', memories: memoriesOf(count, first) })

describe('quotas', () => {
  it('refuse a memory above the limit of the user with 403, say what to do, and store nothing', async () => {
    const app = testApp({ quotas: { ...NONE, memoriesPerUser: 2 } })
    const first = await add(app, 'ada', 'I live in Kyoto.')
    expect([first.status, first.headers.get('quota-memories-remaining')]).toEqual([200, '2'])
    await add(app, 'ada', 'I play the violin.')
    const refused = await add(app, 'ada', 'I have a cat.')
    expect(refused.status).toBe(403)
    expect(refused.headers.get('quota-memories-remaining')).toBe('0')
    expect(refused.body.error).toMatchObject({
      code: 'quota_exceeded',
      message: expect.stringMatching(
        /has 2 memories.* limit is 2\. Nothing was stored: delete memories.*MAX_MEMORIES_PER_USER/,
      ),
    })
    const { body } = await app.call('GET', '/v1/memories?user_id=ada')
    expect(body.memories).toHaveLength(2)
    expect((await add(app, 'bea', 'I have a cat.')).status).toBe(200)
  })

  it('accept again after a deletion, once the usage may be counted again', async () => {
    const app = testApp({ quotas: { ...NONE, memoriesPerUser: 1 } })
    const { body } = await add(app, 'ada', 'I live in Kyoto.')
    expect((await add(app, 'ada', 'I have a cat.')).status).toBe(403)
    await app.call('DELETE', `/v1/memories/${body.events[0].id}?user_id=ada`)
    app.clock.advance(10_000)
    expect((await add(app, 'ada', 'I have a cat.')).status).toBe(200)
  })

  it('count imports, those of a user with more than one page included', async () => {
    const app = testApp({ quotas: { ...NONE, memoriesPerUser: 300 } })
    expect((await importOf(app, 260)).status).toBe(200)
    expect((await importOf(app, 41, 260)).status).toBe(403)
    expect((await importOf(app, 40, 260)).status).toBe(200)
    const line = { kind: 'memory', memory: {} }
    const restored = await app.call('POST', '/v1/import', { user_id: 'ada', records: [line] })
    expect(restored.body).toMatchObject({ restored: 0, refused: [{ index: 0 }] })
    app.clock.advance(600_000)
    const counted = await importOf(app, 1, 300)
    expect([counted.status, counted.headers.get('quota-memories-remaining')]).toEqual([403, '0'])
  })

  it('limit the bytes of a user, corrections included', async () => {
    const app = testApp({ quotas: { ...NONE, bytesPerUser: 5000 } })
    const { body } = await add(app, 'ada', 'I live in Kyoto.')
    const path = `/v1/memories/${body.events[0].id}`
    const correct = (text: string) => app.call('PATCH', path, { user_id: 'ada', memory: text })
    const statuses: number[] = []
    for (let i = 0; i < 20; i++) {
      statuses.push((await correct(`I live in house ${i}.`)).status)
      app.clock.advance(10_000)
    }
    expect(statuses[0]).toBe(200)
    expect(statuses.at(-1)).toBe(403)
  })

  it('limit the users of a key, and leave those that exist and other keys alone', async () => {
    const apiKeys = ['one', 'two'].map((namespace) => ({
      namespace,
      sha256: sha256Of(`the-key-of-${namespace}`),
    }))
    const app = testApp({ apiKeys, quotas: { ...NONE, usersPerKey: 2 } })
    const addAs = (key: string, user: string, content: string) =>
      add(app, user, content, { authorization: `Bearer the-key-of-${key}` })
    expect((await addAs('one', 'ada', 'I live in Kyoto.')).headers.get('quota-users-remaining')).toBe('2')
    await addAs('one', 'bea', 'I live in Porto.')
    const refused = await addAs('one', 'cid', 'I live in Rome.')
    expect([refused.status, refused.body.error.code]).toEqual([403, 'quota_exceeded'])
    expect((await addAs('one', 'ada', 'I have a cat.')).status).toBe(200)
    expect((await addAs('two', 'cid', 'I live in Rome.')).status).toBe(200)
    const forget = { authorization: 'Bearer the-key-of-one' }
    await app.call('DELETE', '/v1/memories?user_id=bea', undefined, forget)
    app.clock.advance(10_000)
    expect((await addAs('one', 'cid', 'I live in Rome.')).status).toBe(200)
  })

  it('have no headers and no limits when they are 0', async () => {
    const app = testApp({ quotas: NONE })
    const { status, headers } = await add(app, 'ada', 'I live in Kyoto.')
    expect([status, headers.get('quota-memories-remaining')]).toEqual([200, null])
  })
})
