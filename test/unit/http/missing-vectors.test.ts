import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import type { Embedder } from '../../../sidecar/ports/embedder.ts'
import { type LanguageModel, ModelUnavailable } from '../../../sidecar/ports/language-model.ts'
import { type RecordStore, type StoredRecord, scrollAll } from '../../../sidecar/ports/records.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const SECRET = 'I play the theremin in the orchestra.'

/** The lexical embedder, which refuses some texts or is away. */
function moody() {
  const lexical = lexicalEmbedder()
  const mood = { refused: /never/ as RegExp, isAway: false, asked: 0 }
  const embedder: Embedder = {
    ...lexical,
    async embed(texts, purpose, signal, account) {
      mood.asked += 1
      if (mood.isAway) throw new ModelUnavailable('unreachable', 'it is away')
      if (purpose === 'query') return await lexical.embed(texts, purpose, signal, account)
      const vectors = await lexical.embed(texts, purpose, signal, account)
      return vectors.map((vector, i) =>
        mood.refused.test(texts[i] as string) ? new Float32Array(0) : vector,
      )
    },
  }
  return { mood, embedder }
}

function open(model?: LanguageModel) {
  const { mood, embedder } = moody()
  let records: RecordStore | undefined
  const app = testApp({
    embedder,
    ...(model ? { model } : {}),
    wrapRecords: (one) => {
      records = one
      return one
    },
  })
  const stored = (collection: 'memories' | 'versions' | 'meta', user = 'ada') =>
    Array.fromAsync(scrollAll(records as RecordStore, collection, `default/${user}`))
  const hasVector = ({ dense }: StoredRecord) => dense?.some((value) => value !== 0) ?? false
  return {
    ...app,
    mood,
    stored,
    /** Whether each memory has a vector, by its text. */
    vectors: async (user?: string) =>
      Object.fromEntries(
        (await stored('memories', user)).map((record) => [record.payload['text'], hasVector(record)]),
      ),
    hasVector,
    /** The background job, an hour later. */
    async later() {
      app.clock.advance(3_600_000)
      await app.services.missingVectors.run()
    },
  }
}

describe('a text that the embedder refuses', () => {
  it('is stored without a vector, beside one that has a vector, and degraded says so', async () => {
    const { call, mood, vectors } = open()
    mood.refused = /theremin/
    const messages = [
      { role: 'user', content: SECRET },
      { role: 'user', content: 'I live in Kyoto.' },
    ]
    const { status, body } = await call('POST', '/v1/memories', { user_id: 'ada', messages })
    expect([status, body.status, body.degraded]).toEqual([200, 'stored', ['embedding']])
    expect(await vectors()).toEqual({ [SECRET]: false, 'I live in Kyoto.': true })
    const found = await call('POST', '/v1/recall', {
      user_id: 'ada',
      query: 'theremin',
      strategy: 'per_query',
    })
    expect(found.body.context).toContain('theremin')
    expect((await call('POST', '/v1/memories', said('I row.'))).body.degraded).toEqual([])
  })

  it('is embedded later, once, and then leaves no trace', async () => {
    const { call, mood, vectors, stored, later } = open()
    mood.refused = /theremin/
    await call('POST', '/v1/memories', said(SECRET))
    await later()
    expect(await vectors()).toEqual({ [SECRET]: false })
    expect(await stored('meta')).toHaveLength(1)
    mood.refused = /never/
    await later()
    expect(await vectors()).toEqual({ [SECRET]: true })
    expect(await stored('meta')).toEqual([])
    const { asked } = mood
    await later()
    expect(mood.asked).toBe(asked)
  })

  it('is tried again at growing intervals', async () => {
    const { call, mood, clock, services } = open()
    mood.refused = /theremin/
    await call('POST', '/v1/memories', said(SECRET))
    const before = mood.asked
    for (let minute = 0; minute < 600; minute++) {
      clock.advance(60_000)
      await services.missingVectors.run()
    }
    expect(mood.asked - before).toBeGreaterThan(4)
    expect(mood.asked - before).toBeLessThan(12)
  })

  it('is embedded as a past version too', async () => {
    const { call, mood, stored, hasVector, later } = open()
    mood.refused = /theremin|cello/
    const { body } = await call('POST', '/v1/memories', said(SECRET))
    const { id } = body.events[0]
    const changed = await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: 'I play the cello.' })
    expect([changed.status, changed.body.degraded]).toEqual([200, ['embedding']])
    mood.refused = /never/
    await later()
    const all = [...(await stored('memories')), ...(await stored('versions'))]
    expect(all.map(hasVector)).toEqual([true, true])
  })

  it('leaves nothing behind when the user is forgotten', async () => {
    const { call, mood, stored, later } = open()
    mood.refused = /theremin/
    await call('POST', '/v1/memories', said(SECRET))
    await call('DELETE', '/v1/memories?user_id=ada')
    expect(await stored('meta')).toEqual([])
    const { asked } = mood
    await later()
    expect(mood.asked).toBe(asked)
  })

  it('is imported without a vector', async () => {
    const { call, mood, vectors } = open()
    mood.refused = /theremin/
    const { status, body } = await call('POST', '/v1/memories/import', {
      user_id: 'ada',
      memories: [{ memory: SECRET }, { memory: 'I row.' }],
    })
    expect([status, body.imported, body.degraded]).toEqual([200, 2, ['embedding']])
    expect(await vectors()).toEqual({ [SECRET]: false, 'I row.': true })
  })
})

describe('an embedder that is unavailable', () => {
  it('fails no write: every text is embedded when it is back', async () => {
    const { call, mood, vectors, later } = open()
    mood.isAway = true
    for (const user_id of ['ada', 'bob']) {
      const { status, body } = await call('POST', '/v1/memories', { ...said(SECRET), user_id })
      expect([status, body.degraded]).toEqual([200, ['embedding']])
    }
    const { asked } = mood
    await later()
    // One user is enough to see that it is still away.
    expect(mood.asked - asked).toBe(1)
    mood.isAway = false
    await later()
    await later()
    for (const user of ['ada', 'bob']) expect(await vectors(user)).toEqual({ [SECRET]: true })
  })

  it('says so for a turn that is accepted for extraction', async () => {
    const away = () => Promise.reject(new ModelUnavailable('unreachable', 'it is away'))
    const { call, mood } = open({ kind: 'away', complete: away })
    mood.isAway = true
    const { status, body } = await call(
      'POST',
      '/v1/memories',
      said(SECRET, { conversation_id: 'c', turn: 1 }),
    )
    expect([status, body.status, body.degraded]).toEqual([202, 'buffered', ['embedding']])
  })
})
