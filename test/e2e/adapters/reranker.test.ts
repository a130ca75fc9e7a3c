import { describe, expect, it, onTestFinished } from 'vitest'
import { openReranker, type RerankerOptions } from '../../../sidecar/adapters/rerank/reranker.ts'
import { testContract } from '../../contract/contract.ts'
import { RERANKER_CASES } from '../../contract/reranker.ts'
import { scriptedTime } from '../../helpers/scripted-openai/time.ts'
import { type Shape, startScriptedReranker } from '../../helpers/scripted-reranker.ts'

for (const shape of ['jina', 'tei', 'logits'] as const) {
  testContract(`the HTTP reranker with answers of the shape ${shape}`, RERANKER_CASES, async () => {
    const server = await startScriptedReranker(shape)
    const time = scriptedTime()
    return {
      subject: {
        reranker: openReranker({ url: server.url, time }),
        fail: () => server.answerWith(503, { error: 'overloaded' }),
        hang: () => server.hang(),
        expire: time.expire,
        requests: () => server.requests.length,
      },
      close: async () => await server[Symbol.asyncDispose](),
    }
  })
}

async function open(options: Partial<RerankerOptions> = {}, shape: Shape = 'jina') {
  const server = await startScriptedReranker(shape)
  onTestFinished(async () => await server[Symbol.asyncDispose]())
  const failures: string[] = []
  const reranker = openReranker({
    url: server.url,
    onFailure: ({ message }) => failures.push(message),
    ...options,
  })
  return { server, reranker, failures }
}

describe('the HTTP reranker', () => {
  it('sends model, query, documents and their number with its key', async () => {
    const { server, reranker } = await open({ model: 'jina-reranker-v2', apiKey: 'jina_secret' })
    await reranker.rerank('red apple', ['a pear', 'an apple'])
    const [{ headers, body }] = server.requests as [(typeof server.requests)[number]]
    const documents = ['a pear', 'an apple']
    expect(body).toEqual({
      model: 'jina-reranker-v2',
      query: 'red apple',
      documents,
      top_n: 2,
    })
    expect(headers['authorization']).toBe('Bearer jina_secret')
  })

  it('sends neither a model nor a key that is not set', async () => {
    const { server, reranker } = await open()
    await reranker.rerank('a', ['a'])
    expect(server.requests[0]?.body).not.toHaveProperty('model')
    expect(server.requests[0]?.headers).not.toHaveProperty('authorization')
  })

  it('keeps scores in 0…1, and maps logits to 0…1', async () => {
    expect(await (await open()).reranker.rerank('red apple', ['red', 'apple red'])).toEqual([0.5, 1])
    const logits = await (await open({}, 'logits')).reranker.rerank('red apple', ['red', 'apple red'])
    expect(logits?.[0]).toBe(0.5)
    expect(logits?.[1]).toBeCloseTo(0.982, 3)
  })

  it.each([
    ['HTML', 200, '<html></html>', /not JSON/],
    ['no results', 200, { results: [] }, /no results/],
    ['another object', 200, { ok: true }, /without results/],
    ['an index out of range', 200, [{ index: 2, score: 1 }], /out of range/],
    [
      'an index twice',
      200,
      [
        { index: 0, score: 1 },
        { index: 0, score: 1 },
      ],
      /same index/,
    ],
    ['a score that is no number', 200, [{ index: 0, score: '1' }], /without a score/],
    ['2 MiB', 200, 'x'.repeat(2 * 1024 * 1024), /more than 1 MiB/],
    [
      'a refusal',
      400,
      { error: { message: 'top_n is too large for key jina_secret' } },
      /status 400: "top_n is too large for key …"/,
    ],
    ['a refused key', 401, { detail: 'bad key jina_secret' }, /status 401$/],
  ])('answers undefined for %s and reports why, without the key', async (_, status, body, message) => {
    const { server, reranker, failures } = await open({ apiKey: 'jina_secret' })
    server.answerWith(status, body)
    expect(await reranker.rerank('a', ['a', 'b'])).toBeUndefined()
    expect(failures).toEqual([expect.stringMatching(message)])
    expect(failures.join()).not.toContain('jina_secret')
  })

  it('names the documents as TEI does from its first refusal on', async () => {
    const { server, reranker, failures } = await open({}, 'tei')
    const body =
      'Failed to deserialize the JSON body into the target type: missing field `texts` at line 1 column 40'
    server.answerWith(422, body)
    expect(await reranker.rerank('red', ['red'])).toBeUndefined()
    server.answerWith(200, [{ index: 0, score: 0.9 }])
    expect(await reranker.rerank('red', ['red'])).toEqual([0.9])
    expect(server.requests.map((request) => Object.keys(request.body))).toEqual([
      ['query', 'documents', 'top_n'],
      ['query', 'texts', 'top_n'],
    ])
    expect(failures).toEqual([expect.stringContaining('missing field')])
  })

  it('answers undefined when nothing listens', async () => {
    const { reranker, failures } = await open({ url: 'http://127.0.0.1:9/rerank' })
    expect(await reranker.rerank('a', ['a'])).toBeUndefined()
    expect(failures).toEqual([expect.stringContaining('The reranker 127.0.0.1:9 failed')])
  })
})
