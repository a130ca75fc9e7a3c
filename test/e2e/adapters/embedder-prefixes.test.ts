import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type OpenAiEmbedderOptions,
  openOpenAiEmbedder,
} from '../../../sidecar/adapters/openai/embedding/embedder.ts'
import { startScriptedOpenAi } from '../../helpers/scripted-openai/server.ts'

const REPRESENT = 'Represent this sentence for searching relevant passages: '
const INSTRUCT =
  'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:'

async function open(model: string, prefixes?: OpenAiEmbedderOptions['prefixes']) {
  const server = await startScriptedOpenAi()
  onTestFinished(async () => await server[Symbol.asyncDispose]())
  const embedder = await openOpenAiEmbedder({ baseUrl: server.url, model, prefixes })
  const sent = async (text: string, purpose: 'query' | 'document') => {
    await embedder.embed([text], purpose)
    return server.requests.at(-1)?.body.input[0] as string
  }
  return { embedder, sent, name: embedder.name.replace(new URL(server.url).host, 'host') }
}

describe('the prefixes of a known model', () => {
  it.each([
    ['intfloat/multilingual-e5-small', 'query: ', 'passage: '],
    ['multilingual-e5-small-q4', 'query: ', 'passage: '],
    ['e5', 'query: ', 'passage: '],
    ['intfloat/e5-base-v2', 'query: ', 'passage: '],
    ['jeffh/intfloat-multilingual-e5-large:f16', 'query: ', 'passage: '],
    ['intfloat/multilingual-e5-large-instruct', `${INSTRUCT} `, ''],
    ['intfloat/e5-mistral-7b-instruct', `${INSTRUCT} `, ''],
    ['nvidia/nv-embedqa-e5-v5', '', ''],
    ['BAAI/bge-small-en-v1.5', REPRESENT, ''],
    ['bge-large-zh-v1.5', '为这个句子生成表示以用于检索相关文章：', ''],
    ['bge-m3', '', ''],
    ['nomic-embed-text:latest', 'search_query: ', 'search_document: '],
    ['nomic-ai/nomic-embed-text-v1.5', 'search_query: ', 'search_document: '],
    ['mxbai-embed-large', REPRESENT, ''],
    ['mixedbread-ai/deepset-mxbai-embed-de-large-v1', 'query: ', 'passage: '],
    ['snowflake-arctic-embed:335m', REPRESENT, ''],
    ['Snowflake/snowflake-arctic-embed-m-v1.5', REPRESENT, ''],
    ['Snowflake/snowflake-arctic-embed-l-v2.0', 'query: ', ''],
    ['snowflake-arctic-embed2', 'query: ', ''],
    ['Qwen/Qwen3-Embedding-0.6B', INSTRUCT, ''],
    ['qwen3-embedding:8b', INSTRUCT, ''],
    ['embeddinggemma', 'task: search result | query: ', 'title: none | text: '],
    ['text-embedding-3-small', '', ''],
    ['face5-embed', '', ''],
  ])('are sent for %s', async (model, query, document) => {
    const { sent } = await open(model)
    expect(await sent('Berlin', 'query')).toBe(`${query}Berlin`)
    expect(await sent('Berlin', 'document')).toBe(`${document}Berlin`)
  })

  it('give way to prefixes that are set, one by one, and to none', async () => {
    const set = await open('e5', { query: 'q: ' })
    expect([await set.sent('a', 'query'), await set.sent('a', 'document')]).toEqual(['q: a', 'passage: a'])
    const none = await open('e5', { query: '', document: '' })
    expect([await none.sent('a', 'query'), await none.sent('a', 'document')]).toEqual(['a', 'a'])
  })

  it('count for the length of a text, which is cut at its end', async () => {
    const { sent } = await open('e5')
    const text = await sent('four '.repeat(2000), 'document')
    expect(text).toMatch(/^passage: four /)
    expect(text.length).toBe(512 * 3)
  })

  it('are not sent for a text without words', async () => {
    const { embedder } = await open('e5')
    expect((await embedder.embed([' '], 'document'))[0]?.some((value) => value !== 0)).toBe(false)
  })
})

describe('the name of an embedder', () => {
  it('has no suffix without prefixes, as in stores of earlier versions', async () => {
    expect((await open('embed')).name).toBe('embed@host-64')
    expect((await open('e5', { query: '', document: '' })).name).toBe('e5@host-64')
  })

  it('differs between any two pairs of prefixes', async () => {
    const pairs = [{}, { query: 'a' }, { document: 'a' }, { query: 'a', document: 'a' }, { query: 'b' }]
    const names = await Promise.all(pairs.map(async (prefixes) => (await open('embed', prefixes)).name))
    expect(new Set(names).size).toBe(pairs.length)
    expect((await open('embed', { query: 'a' })).name).toBe(names[1])
  })
})
