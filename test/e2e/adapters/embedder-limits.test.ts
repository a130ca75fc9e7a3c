import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type OpenAiEmbedderOptions,
  openOpenAiEmbedder,
} from '../../../sidecar/adapters/openai/embedding/embedder.ts'
import type { ScriptedRequest } from '../../helpers/scripted-openai/rules.ts'
import { startScriptedOpenAi } from '../../helpers/scripted-openai/server.ts'
import { scriptedTime } from '../../helpers/scripted-openai/time.ts'

interface Refusing {
  /** Longest text, characters. */
  length?: number
  /** Most texts per request. */
  texts?: number
  /** Texts that are refused at any length. */
  never?: RegExp
  status?: number
  body?: unknown
}

/** An embedder at an endpoint that refuses some requests. */
async function serve(refusing: Refusing, options: Partial<OpenAiEmbedderOptions> = {}) {
  const server = await startScriptedOpenAi()
  onTestFinished(async () => await server[Symbol.asyncDispose]())
  const time = scriptedTime()
  const refused: Error[] = []
  const embedder = await openOpenAiEmbedder({
    baseUrl: server.url,
    model: 'embed',
    retries: 1,
    breakAfter: 2,
    time,
    onRefused: (error) => refused.push(error),
    ...options,
  })
  const { length = Number.POSITIVE_INFINITY, texts = Number.POSITIVE_INFINITY, never } = refusing
  const { status = 400, body = { error: { message: 'Bad request' } } } = refusing
  const isRefused = ({ body: { input } }: ScriptedRequest) =>
    input.length > texts || input.some((text: string) => text.length > length || never?.test(text))
  server.rules.replace({ when: isRefused, status, body })
  return {
    server,
    refused,
    embedder,
    time,
    /** The lengths of the texts of each request that `embed` sends. */
    async sent(embedded: readonly string[]) {
      const before = server.requests.length
      const vectors = await embedder.embed(embedded, 'document')
      const requests = server.requests.slice(before)
      return { vectors, lengths: requests.map(({ body }) => body.input.map((text: string) => text.length)) }
    },
  }
}

const LONG = 'four '.repeat(2000)

/** How servers refuse a text that is too long. */
const TOO_LONG: [server: string, status: number, body: unknown][] = [
  [
    'TEI',
    413,
    {
      error: 'Input validation error: `inputs` must have less than 512 tokens. Given: 2001',
      error_type: 'Validation',
    },
  ],
  ['a proxy', 413, '<html>Request Entity Too Large</html>'],
  [
    'OpenAI',
    400,
    {
      error: {
        message: "This model's maximum context length is 512 tokens, however you requested 2001 tokens",
      },
    },
  ],
  [
    'vLLM',
    400,
    {
      object: 'error',
      message: "This model's maximum context length is 512 tokens. Please reduce the length of the input.",
      code: 400,
    },
  ],
  ['Mistral', 422, { detail: 'Input 0 has 2001 tokens, exceeding max 512.' }],
  ['DashScope', 400, { code: 'InvalidParameter', message: 'Range of input length should be [1, 512]' }],
  ['Ollama', 500, { error: 'the input length exceeds the context length' }],
  [
    'llama.cpp',
    500,
    {
      error: {
        code: 500,
        message: 'input is too large to process. increase the physical batch size',
        type: 'server_error',
      },
    },
  ],
  [
    'PyTorch',
    500,
    {
      error: 'The size of tensor a (2001) must match the size of tensor b (512) at non-singleton dimension 1',
    },
  ],
  ['a server that says nothing', 400, { detail: 'Bad Request' }],
]

describe('an endpoint that refuses long texts', () => {
  it.each(TOO_LONG)(
    'gets shorter ones, as %s refuses them, and the limit is remembered',
    async (_, status, body) => {
      const { sent, refused, embedder } = await serve({ length: 1500, status, body })
      const first = await sent([LONG])
      expect(first.vectors[0]).toHaveLength(embedder.dimensions)
      expect(first.lengths.length).toBeLessThan(14)
      const [[kept]] = first.lengths.slice(-1) as [[number]]
      expect(kept).toBeLessThanOrEqual(1500)
      expect(kept).toBeGreaterThan(1500 / 2)
      expect((await sent([LONG, 'short', LONG])).lengths).toEqual([[kept, 5, kept]])
      expect(refused).toEqual([])
    },
  )

  it('is learned once for a batch of long texts', async () => {
    const { sent, embedder } = await serve({ length: 1500, status: 413 })
    const { vectors, lengths } = await sent(new Array(32).fill(LONG))
    expect(vectors.map((vector) => vector.length)).toEqual(new Array(32).fill(embedder.dimensions))
    expect(lengths.length).toBeLessThan(24)
  })

  it('does not shorten texts that are longer than a denser text that it refused', async () => {
    const { sent } = await serve({ length: 6000, never: /^é{500}/, status: 413 })
    const plain = 'word '.repeat(1000)
    await sent([plain])
    await sent(['é'.repeat(3000)])
    expect((await sent([plain])).lengths).toEqual([[plain.length]])
  })
})

describe('an endpoint that refuses many texts per request', () => {
  it.each([
    ['DashScope', 400, { error: { message: 'batch size is invalid, it should not be larger than 10.' } }],
    ['TEI', 422, { error: 'batch size 32 > maximum allowed batch size 10' }],
    [
      'OpenAI',
      400,
      {
        error: {
          message: 'Requested 374591 tokens, max 300000 tokens per request',
          code: 'max_tokens_per_request',
        },
      },
    ],
    ['a server that says nothing', 400, { detail: 'Bad Request' }],
  ])('gets fewer, as %s refuses them, and the limit is remembered', async (_, status, body) => {
    const { sent } = await serve({ texts: 10, status, body })
    const texts = Array.from({ length: 32 }, (_, i) => `t${i}`)
    const { vectors } = await sent(texts)
    expect(vectors.every(({ length }) => length > 0)).toBe(true)
    expect((await sent(texts)).lengths.map(({ length }) => length)).toEqual([8, 8, 8, 8])
  })

  it('does not get fewer because of one refused text', async () => {
    const { sent } = await serve({ never: /forbidden/ })
    const texts = Array.from({ length: 32 }, (_, i) => `t${i}`)
    await sent(texts.with(7, 'forbidden'))
    expect((await sent(texts)).lengths).toHaveLength(1)
  })
})

describe('a text that is refused at any length', () => {
  const body = { error: { message: 'The text is not allowed' } }

  it('has an empty vector, beside texts that have one, and the reason is reported', async () => {
    const { sent, refused, embedder } = await serve({ never: /forbidden/, body })
    const { vectors } = await sent(['a', 'forbidden', 'b'])
    expect(vectors.map(({ length }) => length)).toEqual([embedder.dimensions, 0, embedder.dimensions])
    expect(refused.map(({ message }) => message)).toEqual([
      expect.stringContaining('The text is not allowed'),
    ])
  })

  it.each([400, 413, 422, 500])('opens no circuit breaker with status %d', async (status) => {
    const { sent, server, time, embedder } = await serve({
      never: /forbidden/,
      status,
      body: { error: { message: 'the input is too long' } },
    })
    for (let i = 0; i < 10; i++) await sent([`forbidden ${i}`])
    expect(time.slept).toEqual([])
    const before = server.requests.length
    expect((await embedder.embed(['fine'], 'query'))[0]).toHaveLength(embedder.dimensions)
    expect(server.requests.length).toBe(before + 1)
  })

  it('rejects as a query', async () => {
    const { embedder } = await serve({ never: /forbidden/, body })
    await expect(embedder.embed(['forbidden'], 'query')).rejects.toMatchObject({
      name: 'ModelUnavailable',
      status: 400,
    })
  })

  it('costs a bounded number of requests when everything is refused', async () => {
    const { sent } = await serve({ never: /./ })
    const { vectors, lengths } = await sent(new Array(200).fill(LONG))
    expect(vectors.every(({ length }) => length === 0)).toBe(true)
    expect(lengths.length).toBeLessThan(100)
  })

  it('is told from an outage, which rejects', async () => {
    const { embedder } = await serve({
      never: /./,
      status: 503,
      body: { error: { message: 'too many requests' } },
    })
    await expect(embedder.embed(['a'], 'document')).rejects.toMatchObject({ reason: 'server_error' })
  })
})

describe('limits that are set by hand', () => {
  it('hold from the first request', async () => {
    const { sent } = await serve({}, { maxTexts: 3, maxTextTokens: 100 })
    expect((await sent([LONG, 'a', 'b', 'c'])).lengths).toEqual([[300, 1, 1], [1]])
  })

  it('are lowered if the endpoint refuses them all the same', async () => {
    const { sent } = await serve({ texts: 2 }, { maxTexts: 4 })
    await sent(['a', 'b', 'c', 'd'])
    expect((await sent(['a', 'b', 'c', 'd'])).lengths).toHaveLength(2)
  })
})

it('embeds any texts at an endpoint of any limits, with few requests once they are learned', async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 70 })
  await fc.assert(
    fc.asyncProperty(
      lengths,
      fc.integer({ min: 100, max: 20_000 }),
      fc.integer({ min: 1, max: 40 }),
      async (some, length, texts) => {
        const { sent, server, embedder } = await serve({ length, texts, status: 413 })
        const embedded = some.map((one, i) => `${i} ${'word '.repeat(one / 5)}`)
        const { vectors } = await sent(embedded)
        expect(vectors.map((vector) => vector.length)).toEqual(some.map(() => embedder.dimensions))
        await sent(embedded)
        // Texts within the learned limits need no further refusals.
        expect((await sent(embedded)).lengths.length).toBeLessThanOrEqual(embedded.length)
        await server[Symbol.asyncDispose]()
      },
    ),
    // The last step from 34 estimated tokens would be one below the least length.
    { numRuns: 15, examples: [[[6145], 100, 1]] },
  )
}, 60_000)
