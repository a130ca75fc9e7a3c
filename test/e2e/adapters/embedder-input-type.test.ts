import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type OpenAiEmbedderOptions,
  openOpenAiEmbedder,
} from '../../../sidecar/adapters/openai/embedding/embedder.ts'
import {
  type Lack,
  type ScriptedOpenAiOptions,
  startScriptedOpenAi,
} from '../../helpers/scripted-openai/server.ts'
import { scriptedTime } from '../../helpers/scripted-openai/time.ts'

async function serve(options: ScriptedOpenAiOptions = {}) {
  const server = await startScriptedOpenAi(options)
  onTestFinished(async () => await server[Symbol.asyncDispose]())
  const open = (more: Partial<OpenAiEmbedderOptions> = {}) =>
    openOpenAiEmbedder({ baseUrl: server.url, model: 'e5', retries: 0, time: scriptedTime(), ...more })
  /** The requests as `input_type` and first text. */
  const sent = (from = 0) => server.requests.slice(from).map(({ body }) => [body.input_type, body.input[0]])
  return { server, open, sent }
}

/** What is sent for a query and a document after the start. */
async function sentBy(options: ScriptedOpenAiOptions, more: Partial<OpenAiEmbedderOptions> = {}) {
  const { server, open, sent } = await serve(options)
  const embedder = await open(more)
  const start = server.requests.length
  await embedder.embed(['Berlin'], 'query')
  await embedder.embed(['Berlin'], 'document')
  return sent(start)
}

const TYPED = [
  ['query', 'Berlin'],
  ['passage', 'Berlin'],
]
const PREFIXED = [
  [undefined, 'query: Berlin'],
  [undefined, 'passage: Berlin'],
]

describe('the input type of a text', () => {
  it('replaces the prefixes at an endpoint that honours it', async () => {
    expect(await sentBy({ honoursInputType: true })).toEqual(TYPED)
  })

  it('is not sent to an endpoint that ignores it', async () => {
    expect(await sentBy({})).toEqual(PREFIXED)
  })

  it.each([
    ['by its name', ['input_type']],
    ['without a name', ['extra_embedding_fields']],
    ['with status 500', ['keyword_arguments']],
    ['as well as base64', ['extra_embedding_fields', 'base64']],
  ] as [string, Lack[]][])('is not sent to an endpoint that rejects it %s', async (_, lacks) => {
    expect(await sentBy({ lacks, honoursInputType: true })).toEqual(PREFIXED)
  })

  it('keeps base64 at an endpoint that rejects only the input type', async () => {
    const { server, open } = await serve({ lacks: ['extra_embedding_fields'] })
    await (await open()).embed(['Berlin'], 'query')
    expect(server.requests.at(-1)?.body.encoding_format).toBe('base64')
  })

  it.each(['intfloat/multilingual-e5-small', 'deepset-mxbai-embed-de-large-v1', 'nvidia/nv-embedqa-e5-v5'])(
    'is sent for %s, whose endpoints know queries and passages',
    async (model) => {
      expect(await sentBy({ honoursInputType: true }, { model })).toEqual(TYPED)
    },
  )

  it.each([
    'text-embedding-3-small',
    'bge-small-en-v1.5',
    'intfloat/e5-mistral-7b-instruct',
    'embeddinggemma',
  ])('is not sent for %s', async (model) => {
    const { server, open } = await serve({ honoursInputType: true })
    await (await open({ model })).embed(['Berlin'], 'document')
    expect(server.requests.map(({ body }) => body.input_type)).toEqual([undefined, undefined])
  })

  it.each([
    [{ query: 'q: ' }, ['q: Berlin', 'passage: Berlin']],
    [{ document: '' }, ['query: Berlin', 'Berlin']],
    [{ query: '', document: '' }, ['Berlin', 'Berlin']],
  ])('gives way to prefixes that are set: %j', async (prefixes, [query, document]) => {
    const sent = await sentBy({ honoursInputType: true }, { prefixes })
    expect(sent).toEqual([
      [undefined, query],
      [undefined, document],
    ])
  })

  it('is determined once, by two requests at the start', async () => {
    const { open, sent } = await serve({ honoursInputType: true })
    const embedder = await open()
    for (const text of ['a', 'b']) await embedder.embed([text], 'document')
    expect(sent()).toEqual([
      ['query', 'memory'],
      ['passage', 'memory'],
      ['passage', 'a'],
      ['passage', 'b'],
    ])
  })

  it('is determined with the first text when the endpoint was unavailable at the start', async () => {
    const { open, sent } = await serve({ honoursInputType: true, rules: [{ times: 2, status: 503 }] })
    const failures: Error[] = []
    const embedder = await open({ dimensions: 64, onUnavailable: (error) => failures.push(error) })
    expect(failures).toHaveLength(1)
    await expect(embedder.embed(['a'], 'document')).rejects.toThrow('failed (status 503)')
    await embedder.embed(['a'], 'document')
    await embedder.embed(['b'], 'query')
    expect(sent(2)).toEqual([
      ['query', 'memory'],
      ['passage', 'memory'],
      ['passage', 'a'],
      ['query', 'b'],
    ])
  })

  it('stays when an endpoint that honours it rejects a text', async () => {
    const { server, open, sent } = await serve({ honoursInputType: true })
    const embedder = await open()
    server.rules.replace({ when: /bad/, status: 400 })
    await embedder.embed(['bad'], 'document')
    await embedder.embed(['good'], 'document')
    expect(sent(2).every(([type]) => type === 'passage')).toBe(true)
    expect(sent().at(-1)).toEqual(['passage', 'good'])
  })

  it('does not change the name of the embedder', async () => {
    const kinds: ScriptedOpenAiOptions[] = [{}, { honoursInputType: true }, { lacks: ['input_type'] }]
    const names = await Promise.all(
      kinds.map(async (kind) => {
        const { server, open } = await serve(kind)
        return (await open()).name.replace(new URL(server.url).host, 'host')
      }),
    )
    expect(new Set(names)).toEqual(new Set([expect.stringMatching(/^e5@host-64\+prefixes-/)]))
  })
})
