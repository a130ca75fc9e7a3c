import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { batchesOf, estimateTokens, truncate } from '../../../sidecar/adapters/common/embeddings.ts'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import {
  type OpenAiEmbedderOptions,
  openOpenAiEmbedder,
} from '../../../sidecar/adapters/openai/embedding/embedder.ts'
import { ModelUnavailable } from '../../../sidecar/ports/language-model.ts'
import type { LedgerEntry } from '../../../sidecar/ports/ledger.ts'
import { testContract } from '../../contract/contract.ts'
import { EMBEDDER_CASES } from '../../contract/embedder.ts'
import {
  type Lack,
  type ScriptedOpenAiOptions,
  startScriptedOpenAi,
} from '../../helpers/scripted-openai/server.ts'
import { scriptedTime } from '../../helpers/scripted-openai/time.ts'

testContract('the lexical embedder', EMBEDDER_CASES, async () => ({
  subject: lexicalEmbedder(),
  close: async () => {},
}))

testContract('the OpenAI embedder', EMBEDDER_CASES, async () => {
  const server = await startScriptedOpenAi()
  const subject = await openOpenAiEmbedder({ baseUrl: server.url, model: 'embed' })
  return { subject, close: async () => await server[Symbol.asyncDispose]() }
})

async function serve(options: ScriptedOpenAiOptions = {}) {
  const server = await startScriptedOpenAi(options)
  onTestFinished(async () => await server[Symbol.asyncDispose]())
  const time = scriptedTime()
  const ledger: LedgerEntry[] = []
  const open = (more: Partial<OpenAiEmbedderOptions> = {}) =>
    openOpenAiEmbedder({
      baseUrl: server.url,
      apiKey: 'sk-secret',
      model: 'embed',
      retries: 0,
      time,
      record: (entry) => ledger.push(entry),
      ...more,
    })
  return { server, time, ledger, open }
}

/** A response with these embeddings. */
const data = (...embeddings: unknown[]) => ({ data: embeddings.map((embedding) => ({ embedding })) })

describe('the OpenAI embedder', () => {
  it('gets its length from the endpoint, and is named by model, host and length', async () => {
    const { server, open } = await serve({ dimensions: 24 })
    const embedder = await open()
    expect(embedder).toMatchObject({ dimensions: 24, name: `embed@${new URL(server.url).host}-24` })
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]?.body).not.toHaveProperty('dimensions')
  })

  it('requests a configured length', async () => {
    const { server, open } = await serve({ dimensions: 24 })
    const embedder = await open({ dimensions: 16 })
    const [vector] = await embedder.embed(['Berlin'], 'document')
    expect([embedder.dimensions, vector?.length]).toEqual([16, 16])
    expect(server.requests.map(({ body }) => body.dimensions)).toEqual([16, 16])
  })

  it.each([
    ['ignores', []],
    ['rejects', ['dimensions']],
  ] as [string, Lack[]][])('does not open when the endpoint %s the configured length', async (_, lacks) => {
    const { server, open } = await serve({ dimensions: 24, lacks })
    if (lacks.length === 0) server.rules.replace({ body: data(new Array(24).fill(1)) })
    const failure = await open({ dimensions: 16 }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ModelUnavailable)
    expect((failure as Error).message).toMatch(/"embed".*24 numbers.*not the requested 16/)
  })

  it('omits the parameter when it is rejected and the length is the same', async () => {
    const { open } = await serve({ dimensions: 24, lacks: ['dimensions'] })
    expect((await open({ dimensions: 24 })).dimensions).toBe(24)
  })

  it('reads base64 and plain numbers as the same vectors', async () => {
    const plain = await serve({ lacks: ['base64'] })
    const encoded = await serve()
    const [a] = await (await plain.open()).embed(['Berlin and Rome'], 'document')
    const [b] = await (await encoded.open()).embed(['Berlin and Rome'], 'document')
    expect(a).toEqual(b)
    expect(plain.server.requests.map(({ body }) => body.encoding_format)).toEqual([
      'base64',
      'float',
      'float',
    ])
    expect(encoded.server.requests.map(({ body }) => body.encoding_format)).toEqual(['base64', 'base64'])
  })

  const at = (i: number) => Array.from({ length: 64 }, (_, j) => Number(i === j))
  const indexed = (...indices: number[]) => ({
    data: indices.map((index) => ({ index, embedding: at(index) })),
  })

  it('orders the vectors by their index', async () => {
    const { server, open } = await serve()
    const embedder = await open()
    server.rules.replace({ body: indexed(1, 0) })
    const vectors = await embedder.embed(['a', 'b'], 'document')
    expect(vectors.map((vector) => vector.indexOf(1))).toEqual([0, 1])
  })

  const ones = new Array(64).fill(1)
  it.for([
    ['another length', data(ones, [1, 2]), /an embedding of 2 numbers instead of 64/],
    ['too few vectors', data(ones), /1 embeddings for 2 texts/],
    ['no vectors', data(), /0 embeddings for 2 texts/],
    ['empty vectors', data([], []), /without numbers/],
    ['text', data(ones, ones.map(String)), /without numbers/],
    ['zeros', data(ones, new Array(64).fill(0)), /zeros only/],
    ['half a number', data(ones, 'AAAA'), /without numbers/],
    ['an infinite number', data(ones, [1e39, ...ones.slice(1)]), /not finite/],
    ['one index twice', indexed(0, 0), /two embeddings/],
    ['an index out of range', indexed(0, 2), /out of range/],
    ['another object', { object: 'list' }, /not a list of embeddings/],
    ['HTML', '<html></html>', /not a list of embeddings/],
    ['an empty body', '', /nothing/],
  ] as const)('rejects %s', async ([, body, message]) => {
    const { server, open } = await serve()
    const embedder = await open()
    server.rules.replace({ body })
    const failure = await embedder.embed(['my secret', 'b'], 'document').catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'ModelUnavailable', reason: 'bad_answer' })
    expect((failure as Error).message).toMatch(message)
    expect((failure as Error).message).not.toContain('my secret')
  })

  it('sends at most 32 texts per request', async () => {
    const { server, open } = await serve()
    const embedder = await open()
    await embedder.embed(
      Array.from({ length: 70 }, (_, i) => `t${i}`),
      'document',
    )
    expect(server.requests.slice(1).map(({ body }) => body.input.length)).toEqual([32, 32, 6])
  })

  it('caches queries, but not documents', async () => {
    const { server, open } = await serve()
    const embedder = await open()
    const asked = async (texts: string[], purpose: 'query' | 'document') => {
      const before = server.requests.length
      await embedder.embed(texts, purpose)
      return server.requests.slice(before).map(({ body }) => body.input)
    }
    expect(await asked(['a'], 'query')).toEqual([['a']])
    expect(await asked(['a', 'b'], 'query')).toEqual([['b']])
    expect(await asked(['a'], 'document')).toEqual([['a']])
    expect(await asked(['', '  '], 'query')).toEqual([])
  })

  it('records every request for the account', async () => {
    const { ledger, open, server } = await serve()
    const embedder = await open()
    server.rules.replace({ times: 1, status: 500 })
    const account = { scope: 'app/u1', turn: 3 }
    await embedder.embed(['x'], 'document', undefined, account).catch(() => {})
    await embedder.embed(['four'.repeat(4)], 'document', undefined, account)
    expect(ledger).toMatchObject([
      { scope: '', purpose: 'embed', outcome: 'ok' },
      { ...account, outcome: 'server_error', tokensIn: 0 },
      { ...account, purpose: 'embed', model: 'embed', outcome: 'ok', tokensIn: 4 },
    ])
  })

  it('retries, and stops when the caller aborts', async () => {
    const { server, open } = await serve()
    const embedder = await open({ retries: 1 })
    server.rules.replace({ times: 1, status: 503 }, { hang: true, when: /hang/ })
    expect(await embedder.embed(['a'], 'query')).toHaveLength(1)
    const leaving = new AbortController()
    const asked = embedder.embed(['hang'], 'query', leaving.signal)
    const left = expect(asked).rejects.toThrow('left')
    await server.received(4)
    leaving.abort(new Error('left'))
    await left
  })

  it('does not open when the endpoint returns no vector', async () => {
    const { server, open } = await serve()
    for (const [rule, reason] of [
      [{ status: 401 }, 'refused_key'],
      [{ status: 500 }, 'server_error'],
      [{ resetConnection: true }, 'unreachable'],
      [{ body: data([0, 0]) }, 'bad_answer'],
    ] as const) {
      server.rules.replace(rule)
      await expect(open()).rejects.toMatchObject({ name: 'ModelUnavailable', reason })
    }
  })
})

describe('batches', () => {
  const bounds = { maxTexts: 4, maxTokens: 50, maxTextTokens: 30 }
  const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 120 }))

  it('contain every text once, in order, within the limits', () => {
    fc.assert(
      fc.property(texts, (some) => {
        const batches = batchesOf(some, bounds)
        expect(batches.flat()).toEqual(some.map((text) => truncate(text, bounds.maxTextTokens)))
        for (const batch of batches) {
          const tokens = batch.reduce((sum, text) => sum + estimateTokens(text), 0)
          expect(batch.length).toBeGreaterThan(0)
          expect(batch.length).toBeLessThanOrEqual(bounds.maxTexts)
          expect(tokens).toBeLessThanOrEqual(bounds.maxTokens)
        }
      }),
    )
  })

  it('truncate a text at a character boundary', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, max) => {
        const cut = truncate(text, max)
        expect(text.startsWith(cut)).toBe(true)
        expect(estimateTokens(cut)).toBeLessThanOrEqual(max)
        expect(cut.isWellFormed()).toBe(true)
      }),
    )
  })
})
