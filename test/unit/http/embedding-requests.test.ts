import { describe, expect, it, vi } from 'vitest'
import { difyEmbedder } from '../../../sidecar/adapters/dify/embedder.ts'
import { createModelRequests } from '../../../sidecar/adapters/dify/model-requests.ts'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { parseApiKeys } from '../../../sidecar/http/access/api-keys.ts'
import { parseScopeKey } from '../../../sidecar/memory/model/scope.ts'
import type { LanguageModel } from '../../../sidecar/ports/language-model.ts'
import type { LedgerEntry } from '../../../sidecar/ports/ledger.ts'
import { type RecordStore, scrollAll } from '../../../sidecar/ports/records.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const MODEL = 'text-embedding-3-small'
const EMBEDS = { takes: ['query', 'document'], embedding_model: MODEL }
const FACT = 'I play the theremin.'
const FACTS = JSON.stringify({
  facts: [{ text: 'Ada lives in Kyoto.', source: 1, topic: 'home' }],
  summary: 'Ada told where she lives.',
})
const QUERY = { user_id: 'ada', query: 'Which theremin?', strategy: 'per_query' }
const lexical = lexicalEmbedder()

/** An app whose embedding model is one of Dify, with two namespaces. */
function setUp(model?: LanguageModel) {
  const rows: LedgerEntry[] = []
  const namespaceOf = (scope: string) => parseScopeKey(scope).namespace
  const { dimensions } = lexical
  const embedding = { model: MODEL, dimensions }
  const modelRequests = createModelRequests({
    ...{ namespaceOf, answerMs: 60_000, completes: false, embedding },
  })
  const record = (entry: LedgerEntry) => rows.push(entry)
  let records: RecordStore | undefined
  const app = testApp({
    embedder: difyEmbedder({ requests: modelRequests, ...embedding, namespaceOf, record }),
    modelRequests,
    ...(model && { model }),
    apiKeys: parseApiKeys('one:key-one-0123456789,two:key-two-0123456789'),
    wrapRecords: (store) => {
      records = store
      return store
    },
  })
  const as = (key: string) => (method: string, path: string, body?: object) =>
    app.call(method, path, body, { authorization: `Bearer ${key}` })
  const [one, two] = [as('key-one-0123456789'), as('key-two-0123456789')]
  return {
    ...{ ...app, modelRequests, rows, one, two },
    /** Whether each memory of a user has a vector, by its text. */
    async vectors(user: string) {
      const stored = await Array.fromAsync(scrollAll(records as RecordStore, 'memories', `one/${user}`))
      const has = (dense: Float32Array | undefined) => dense?.some((value) => value !== 0) ?? false
      return Object.fromEntries(stored.map(({ payload, dense }) => [payload['text'], has(dense)]))
    },
    async ask(user_id: string, more: object = {}) {
      return (await one('POST', '/v1/model-requests', { user_id, ...EMBEDS, ...more })).body
    },
    /** Answers requests until none is expected; returns their texts. */
    async serve(user_id: string, more: object = {}) {
      const served: string[][] = []
      let answer: object | undefined
      for (;;) {
        const { request } = await this.ask(user_id, { wait_ms: 20_000, answer, ...more })
        if (!request) return served
        served.push(request.texts)
        const vectors = await lexical.embed(request.texts, request.kind)
        answer = { id: request.id, vectors: vectors.map((one) => [...one]), model: MODEL, tokens_in: 5 }
      }
    },
  }
}

describe('a sidecar with an embedding model of Dify', () => {
  it('stores turns without a vector while no node is there, and the next node of the namespace adds them', async () => {
    const app = setUp()
    for (const user_id of ['ada', 'bob']) {
      const { status, body } = await app.one('POST', '/v1/memories', { ...said(FACT), user_id })
      expect([status, body.degraded]).toEqual([200, ['embedding']])
    }
    const { body } = await app.one('POST', '/v1/recall', QUERY)
    expect(body).toMatchObject({ status: 'degraded', degraded: ['embedding'], count: 1 })
    await app.two('POST', '/v1/model-requests', { user_id: 'ada', ...EMBEDS })
    expect(await app.vectors('ada')).toEqual({ [FACT]: false })

    expect(await app.serve('eve')).toContainEqual([FACT])
    for (const user of ['ada', 'bob']) expect(await app.vectors(user)).toEqual({ [FACT]: true })
    const row = { purpose: 'embed', model: MODEL, outcome: 'ok', tokensIn: 5 }
    expect(app.rows).toContainEqual(expect.objectContaining(row))
    expect(await app.serve('eve')).toEqual([])
  })

  it('hands the texts of a write and of a query to a client that has announced itself', async () => {
    const app = setUp()
    const expected = { expected: true, wait_ms: 20_000 }
    expect(await app.ask('ada', { expected: true })).toMatchObject({ enabled: true, request: null })
    const adding = app.one('POST', '/v1/memories', said(FACT))
    const { request } = await app.ask('ada', expected)
    expect(request).toEqual({ id: expect.any(String), kind: 'document', texts: [FACT] })
    const [vector] = await lexical.embed([FACT], 'document')
    const packed = Buffer.from((vector as Float32Array).buffer).toString('base64')
    const answer = { id: request.id, vectors: [packed] }
    await app.ask('ada', { takes: [], answer })
    expect((await adding).body).toMatchObject({ status: 'stored', degraded: [] })
    expect(await app.vectors('ada')).toEqual({ [FACT]: true })

    await app.ask('ada', { expected: true, takes: ['query'] })
    const recalling = app.one('POST', '/v1/recall', QUERY)
    const second = await app.ask('ada', { ...expected, takes: ['query'] })
    expect(second.request).toMatchObject({ kind: 'query', texts: [QUERY.query] })
    await app.ask('ada', { takes: [], answer: { id: second.request.id, vectors: [packed] } })
    expect((await recalling).body).toMatchObject({ status: 'ok', degraded: [], count: 1 })
  })

  it('ends the wait of a client with its next call, and then expects nothing of it', async () => {
    const { ask, modelRequests } = setUp()
    const client = { client: 'of this node', expected: true }
    await ask('ada', client)
    const waiting = ask('ada', { ...client, wait_ms: 20_000 })
    await expect.poll(() => modelRequests.isReachable('one/ada', 'document')).toBe(true)
    await ask('ada', { client: client.client, takes: [] })
    expect((await waiting).request).toBeNull()
    expect(modelRequests.isReachable('one/ada', 'document')).toBe(false)
  })

  it('hands nothing to a client with another embedding model or with none', async () => {
    const app = setUp()
    for (const more of [{ embedding_model: 'text-embedding-3-large' }, { embedding_model: undefined }]) {
      const asked = await app.ask('ada', { ...more, expected: true, wait_ms: 20_000 })
      const embedding = { model: MODEL, dimensions: lexical.dimensions }
      expect(asked).toEqual({ enabled: false, embedding, accepted: null, request: null })
      const { body } = await app.one('POST', '/v1/memories', said(`${FACT} ${more.embedding_model}`))
      expect(body.degraded).toEqual(['embedding'])
    }
  })

  it.each([
    ['another number of them', { vectors: [] }],
    ['another length', { vectors: [[1, 2, 3]] }],
    ['an error of Dify', { error: 'quota exceeded' }],
  ])('stores the turn without a vector if the answer has %s', async (_, wrong) => {
    const app = setUp()
    await app.ask('ada', { expected: true })
    const adding = app.one('POST', '/v1/memories', said(FACT))
    const { request } = await app.ask('ada', { expected: true, wait_ms: 20_000 })
    await app.ask('ada', { takes: [], answer: { id: request.id, ...wrong } })
    expect((await adding).body).toMatchObject({ status: 'stored', degraded: ['embedding'] })
    expect(app.rows.map(({ outcome }) => outcome)).toEqual(['error' in wrong ? 'server_error' : 'bad_answer'])
  })

  it('does not repeat an extraction for lack of a node: facts are compared by their words, and embedded later', async () => {
    const model = {
      kind: 'scripted',
      complete: vi.fn(async () => ({ text: FACTS, calls: [], finish: 'stop' as const, model: 'scripted' })),
    }
    const app = setUp(model)
    await app.one('POST', '/v1/memories', said('I moved to Kyoto.', { conversation_id: 'c', turn: 1 }))
    const flushed = await app.one('POST', '/v1/flush', { user_id: 'ada' })
    expect(flushed.body).toMatchObject({ status: 'flushed', pending: { turns: 0 } })
    expect(model.complete).toHaveBeenCalledTimes(1)
    expect(await app.vectors('ada')).toEqual({ 'Ada lives in Kyoto.': false })
    await app.serve('ada')
    expect(await app.vectors('ada')).toEqual({ 'Ada lives in Kyoto.': true })
  })
})
