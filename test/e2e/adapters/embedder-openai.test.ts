import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { batchesOf, estimateTokens, truncate } from '../../../sidecar/adapters/openai/batches.ts'
import { type OpenAiEmbedderOptions, openOpenAiEmbedder } from '../../../sidecar/adapters/openai/embedder.ts'
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

/** Vectors of one request as the server should not send them. */
const data = (...embeddings: unknown[]) => ({ data: embeddings.map((embedding) => ({ embedding })) })

describe('the OpenAI embedder', () => {
  it('learns its length from the endpoint, and is named by model, host and length', async () => {
    const { server, open } = await serve({ dimensions: 24 })
    const embedder = await open()
    expect(embedder).toMatchObject({ dimensions: 24, name: `embed@${new URL(server.url).host}-24` })
    expect(server.requests).toHaveLength(1)
    expect(server.requests[0]?.body).not.toHaveProperty('dimensions')
  })

  it('asks for a length and gets it', async () => {
    const { server, open } = await serve({ dimensions: 24 })
    const embedder = await open({ dimensions: 16 })
    const [vector] = await embedder.embed(['Berlin'], 'document')
    expect([embedder.dimensions, vector?.length]).toEqual([16, 16])
    expect(server.requests.map(({ body }) => body.dimensions)).toEqual([16, 16])
  })

  it.each([
    ['overlooks', []],
    ['refuses', ['dimensions']],
  ] as [string, Lack[]][])('says so when the endpoint %s the length asked for', async (_, lacks) => {
    const { server, open } = await serve({ dimensions: 24, lacks })
    if (lacks.length === 0) server.rules.replace({ body: data(new Array(24).fill(1)) })
    const failure = await open({ dimensions: 16 }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ModelUnavailable)
    expect((failure as Error).message).toMatch(/"embed".*24 numbers.*not the requested 16/)
  })

  it('does without the parameter where it is refused and the length is the same', async () => {
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

  it('sorts the vectors by their index', async () => {
    const { server, open } = await serve()
    const embedder = await open()
    const at = (i: number) => Array.from({ length: 64 }, (_, j) => Number(i === j))
    server.rules.replace({
      body: {
        data: [
          { index: 1, embedding: at(1) },
          { index: 0, embedding: at(0) },
        ],
      },
    })
    const vectors = await embedder.embed(['a', 'b'], 'document')
    expect(vectors.map((vector) => vector.indexOf(1))).toEqual([0, 1])
  })

  const ones = new Array(64).fill(1)
  it.each([
    ['another length', data(ones, [1, 2]), /an embedding of 2 numbers instead of 64/],
    ['too few', data(ones), /1 embeddings for 2 texts/],
    ['none', data(), /0 embeddings for 2 texts/],
    ['empty ones', data([], []), /without numbers/],
    ['words', data(ones, ones.map(String)), /without numbers/],
    ['zeros', data(ones, new Array(64).fill(0)), /zeros only/],
    ['half a number', data(ones, 'AAAA'), /without numbers/],
    ['what is not finite', data(ones, [1e39, ...ones.slice(1)]), /not finite/],
    [
      'one index twice',
      {
        data: [
          { index: 0, embedding: ones },
          { index: 0, embedding: ones },
        ],
      },
      /two embeddings/,
    ],
    [
      'an index of its own',
      {
        data: [
          { index: 0, embedding: ones },
          { index: 2, embedding: ones },
        ],
      },
      /out of range/,
    ],
    ['another object', { object: 'list' }, /not a list of embeddings/],
    ['HTML', '<html></html>', /not a list of embeddings/],
    ['nothing', '', /nothing/],
  ])('refuses %s', async (_, body, message) => {
    const { server, open } = await serve()
    const embedder = await open()
    server.rules.replace({ body })
    const failure = await embedder.embed(['my secret', 'b'], 'document').catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'ModelUnavailable', reason: 'bad_answer' })
    expect((failure as Error).message).toMatch(message)
    expect((failure as Error).message).not.toContain('my secret')
  })

  it('keeps to its bounds of texts and tokens', async () => {
    const { server, open } = await serve()
    const embedder = await open({ batchTexts: 10, batchTokens: 100, maxTextTokens: 60 })
    await embedder.embed(
      Array.from({ length: 25 }, (_, i) => `t${i}`),
      'document',
    )
    await embedder.embed(['x'.repeat(600), 'x'.repeat(150), 'y'.repeat(150)], 'document')
    const batches = server.requests.slice(1).map(({ body }) => body.input.map((text: string) => text.length))
    expect(batches.slice(0, 3).map((batch) => batch.length)).toEqual([10, 10, 5])
    expect(batches.slice(3)).toEqual([[180], [150, 150]])
  })

  it('asks for a query once, as long as it is kept, and for documents always', async () => {
    const { server, open } = await serve()
    const embedder = await open({ cacheEntries: 2 })
    const asked = async (texts: string[], purpose: 'query' | 'document') => {
      const before = server.requests.length
      await embedder.embed(texts, purpose)
      return server.requests.slice(before).map(({ body }) => body.input)
    }
    expect(await asked(['a'], 'query')).toEqual([['a']])
    expect(await asked(['a', 'b'], 'query')).toEqual([['b']])
    expect(await asked(['c'], 'query')).toEqual([['c']])
    expect(await asked(['a'], 'query')).toEqual([['a']])
    expect(await asked(['a'], 'document')).toEqual([['a']])
    expect(await asked(['', '  '], 'query')).toEqual([])
  })

  it('puts the prefixes of its model before texts, and into its name', async () => {
    const { server, open } = await serve()
    const embedder = await open({ queryPrefix: 'query: ', documentPrefix: 'passage: ' })
    await embedder.embed(['a'], 'query')
    await embedder.embed(['a'], 'document')
    expect(server.requests.slice(1).map(({ body }) => body.input)).toEqual([['query: a'], ['passage: a']])
    const names = [embedder.name, (await open()).name, (await open({ queryPrefix: 'q: ' })).name]
    expect(new Set(names).size).toBe(3)
  })

  it('books every request to the account', async () => {
    const { ledger, open, server } = await serve()
    const embedder = await open({ batchTexts: 1 })
    server.rules.replace({ times: 1, status: 500 })
    const account = { scope: 'app/u1', turn: 3 }
    await embedder.embed(['x'], 'document', undefined, account).catch(() => {})
    await embedder.embed(['four'.repeat(4), 'x'], 'document', undefined, account)
    expect(ledger).toMatchObject([
      { scope: '', purpose: 'embed', outcome: 'ok' },
      { ...account, outcome: 'server_error', tokensIn: 0 },
      { ...account, purpose: 'embed', model: 'embed', outcome: 'ok', tokensIn: 4 },
      { ...account, outcome: 'ok', tokensIn: 1 },
    ])
  })

  it('tries again, and stops when the caller leaves', async () => {
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

  it('does not open on an endpoint that gives no vector', async () => {
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

  it.each([{ dimensions: 0 }, { batchTexts: 0 }, { cacheEntries: 1.5 }])('refuses %o', async (options) => {
    const { open } = await serve()
    await expect(open(options)).rejects.toThrow(`${Object.keys(options)[0]}: expected`)
  })
})

describe('batches', () => {
  const bounds = { maxTexts: 4, maxTokens: 50, maxTextTokens: 30 }
  const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 120 }))

  it('hold every text once, in order, within the bounds', () => {
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

  it('cut a text to whole characters of its beginning', () => {
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
