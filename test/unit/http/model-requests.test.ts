import { describe, expect, it } from 'vitest'
import { difyLanguageModel } from '../../../sidecar/adapters/dify/language-model.ts'
import { createModelRequests } from '../../../sidecar/adapters/dify/model-requests.ts'
import { parseApiKeys } from '../../../sidecar/http/access/api-keys.ts'
import { parseScopeKey } from '../../../sidecar/memory/model/scope.ts'
import type { LedgerEntry } from '../../../sidecar/ports/ledger.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const FACTS = JSON.stringify({
  facts: [{ text: 'Ada lives in Kyoto.', source: 1, topic: 'home' }],
  summary: 'Ada told where she lives.',
})
const ANSWER = { text: FACTS, model: 'gpt-4o-mini', tokens_in: 200, tokens_out: 20 }
const WAIT = { wait_ms: 20_000 }

/** An app with a model of Dify, and two namespaces. */
function setUp() {
  const calls: LedgerEntry[] = []
  const namespaceOf = (scope: string) => parseScopeKey(scope).namespace
  const modelRequests = createModelRequests({ namespaceOf, answerMs: 60_000 })
  const model = difyLanguageModel({ requests: modelRequests, record: (entry) => calls.push(entry) })
  const app = testApp({
    model,
    modelRequests,
    apiKeys: parseApiKeys('one:key-one-0123456789,two:key-two-0123456789'),
  })
  const as = (key: string) => (method: string, path: string, body?: object) =>
    app.call(method, path, body, { authorization: `Bearer ${key}` })
  return { calls, app, one: as('key-one-0123456789'), two: as('key-two-0123456789') }
}

describe('POST /v1/model-requests', () => {
  it('hands out the request of a flush, and the answer becomes memories and a row of the ledger', async () => {
    const { calls, one, two } = setUp()
    await one(
      'POST',
      '/v1/memories',
      said('I moved to Kyoto last spring.', { conversation_id: 'c', turn: 1 }),
    )
    const flushing = one('POST', '/v1/flush', { user_id: 'ada' })
    expect((await two('POST', '/v1/model-requests', { user_id: 'ada' })).body.request).toBeNull()
    const { body } = await one('POST', '/v1/model-requests', { user_id: 'ada', ...WAIT })
    expect(body).toMatchObject({ enabled: true, accepted: null })
    expect(JSON.stringify(body.request.messages)).toContain('I moved to Kyoto last spring.')
    const answer = { id: body.request.id, ...ANSWER }
    expect((await two('POST', '/v1/model-requests', { user_id: 'ada', answer })).body.accepted).toBe(false)
    const after = await one('POST', '/v1/model-requests', { user_id: 'ada', answer })
    expect(after.body).toMatchObject({ accepted: true, request: null })
    expect((await flushing).body).toMatchObject({ status: 'flushed', pending: { turns: 0 } })
    const { body: list } = await one('GET', '/v1/memories?user_id=ada')
    expect(list.memories.map(({ memory }: { memory: string }) => memory)).toEqual(['Ada lives in Kyoto.'])
    expect(calls).toEqual([
      expect.objectContaining({
        ...{ purpose: 'extract', model: 'gpt-4o-mini', outcome: 'ok' },
        ...{ tokensIn: 200, tokensOut: 20, conversationId: 'c', turn: 1 },
      }),
    ])
  })

  it('answers immediately when no extraction is due', async () => {
    const { one } = setUp()
    await one('POST', '/v1/memories', said('I moved to Kyoto.', { conversation_id: 'c', turn: 1 }))
    const { body } = await one('POST', '/v1/model-requests', { user_id: 'ada', ...WAIT })
    expect(body).toEqual({ enabled: true, embedding: null, accepted: null, request: null })
  })

  it('an error of Dify keeps the turn pending with the reason, and the next client resumes it', async () => {
    const { one, calls } = setUp()
    await one('POST', '/v1/memories', said('I moved to Kyoto.', { conversation_id: 'c', turn: 1 }))
    const flushing = one('POST', '/v1/flush', { user_id: 'ada' })
    const first = await one('POST', '/v1/model-requests', { user_id: 'ada', ...WAIT })
    const answer = { id: first.body.request.id, error: 'quota exceeded' }
    await one('POST', '/v1/model-requests', { user_id: 'bob', answer })
    expect((await flushing).body).toMatchObject({ status: 'failed', pending: { turns: 1 } })
    const { body } = await one('GET', '/v1/pending?user_id=ada')
    expect(body.turns).toMatchObject([{ error: 'server_error', detail: 'Dify: quota exceeded' }])
    expect((await one('GET', '/v1/memories?user_id=ada')).body.memories).toHaveLength(1)

    // A node that runs for another user of the namespace.
    const second = await one('POST', '/v1/model-requests', { user_id: 'bob', ...WAIT })
    expect(second.body.request).not.toBeNull()
    const given = { id: second.body.request.id, ...ANSWER }
    await one('POST', '/v1/model-requests', { user_id: 'bob', answer: given })
    await expect.poll(async () => (await one('GET', '/v1/pending?user_id=ada')).body.turns).toEqual([])
    expect(calls.map(({ outcome }) => outcome)).toEqual(['server_error', 'ok'])
  })

  it('lets a waiting client go when the extraction that was due has ended', async () => {
    const { one } = setUp()
    const wait = { user_id: 'ada', wait_ms: 25_000 }
    await one('POST', '/v1/memories', said('I moved to Kyoto.', { conversation_id: 'c', turn: 1 }))
    const flushing = one('POST', '/v1/flush', { user_id: 'ada' })
    const { body } = await one('POST', '/v1/model-requests', wait)
    const answer = { id: body.request.id, ...ANSWER }
    const after = await one('POST', '/v1/model-requests', { ...wait, answer })
    expect(after.body).toMatchObject({ accepted: true, request: null })
    expect((await flushing).body).toMatchObject({ status: 'flushed' })
  }, 20_000)

  it('says that it is not enabled in a sidecar with another model or none', async () => {
    const { call } = testApp()
    const { body } = await call('POST', '/v1/model-requests', { user_id: 'ada', ...WAIT })
    expect(body).toEqual({ enabled: false, embedding: null, accepted: null, request: null })
  })

  it('rejects a wait of more than 25 seconds', async () => {
    const { call } = testApp()
    const { status, body } = await call('POST', '/v1/model-requests', { user_id: 'ada', wait_ms: 25_001 })
    expect([status, body.error.message]).toEqual([400, expect.stringContaining('wait_ms')])
  })
})
