import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { type Answer, type TestApp, testApp } from '../../helpers/test-app.ts'

/** `/openapi-tools.json`, read and called as Dify's custom tools do. */

const KEY = 'the-key-of-dify-dify'

type Json = Record<string, unknown>

interface Property {
  type?: string
  default?: unknown
  $ref?: unknown
}

interface Parameter {
  name: string
  in: string
  required?: boolean
  schema: Property
}

interface Operation {
  operationId: string
  summary?: string
  parameters?: Parameter[]
  requestBody?: {
    content: Record<string, { schema: { properties: Record<string, Property>; required?: string[] } }>
  }
}

interface Tool extends Operation {
  method: string
  url: string
}

interface Document {
  info: object
  servers: { url: string }[]
  paths: Record<string, Record<string, Operation>>
}

/** Dify's parser: the first server, and every operation as a tool. */
function parse({ info, servers, paths }: Document): Map<string, Tool> {
  const [server] = servers
  if (!info || !server) throw new Error('expected info and a server')
  const tools = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method,
      url: `${server.url}${path}`,
    })),
  )
  return new Map(tools.map((tool) => [tool.operationId, tool]))
}

/** Dify's conversion of what an author entered; a property without a type is sent as null. */
function convert({ type }: Property, value: unknown): unknown {
  switch (type) {
    case 'integer':
      return Number.parseInt(String(value), 10)
    case 'number':
      return Number(value)
    case 'string':
      return String(value)
    case 'boolean':
      return Boolean(value)
    case 'array':
    case 'object':
      try {
        return typeof value === 'string' ? JSON.parse(value) : value
      } catch {
        return value
      }
    default:
      return null
  }
}

/**
 * Dify's request: an unset header is '', an unset query parameter is left out, an unset field of the body is its default,
 * else absent, or null before mid-2025.
 */
async function invoke(app: TestApp, tool: Tool, given: Json, unset: 'absent' | 'null'): Promise<Answer> {
  const headers: Record<string, string> = { authorization: `Bearer ${KEY}` }
  let { url } = tool
  const query = new URLSearchParams()
  for (const { name, in: place, required, schema } of tool.parameters ?? []) {
    if (required && !(name in given)) throw new Error(`${name} is required`)
    const value = String(given[name] ?? schema.default ?? '')
    if (place === 'path') url = url.replace(`{${name}}`, value)
    else if (place === 'header') headers[name] = value
    else if (value !== '') query.set(name, value)
  }
  const { properties = {}, required = [] } = tool.requestBody?.content['application/json']?.schema ?? {}
  const body: Json = {}
  for (const [name, property] of Object.entries(properties)) {
    if (name in given) body[name] = convert(property, given[name])
    else if (required.includes(name)) throw new Error(`${name} is required`)
    else if (property.default !== undefined) body[name] = property.default
    else if (unset === 'null') body[name] = null
  }
  const address = query.size > 0 ? `${url}?${query}` : url
  return await app.call(tool.method.toUpperCase(), address, tool.requestBody && body, headers)
}

async function open() {
  const app = testApp({ apiKeys: [{ namespace: 'dify', sha256: sha256Of(KEY) }] })
  const { body } = await app.call('GET', 'http://localhost/openapi-tools.json')
  const tools = parse(body)
  return {
    document: body as Document,
    tools,
    call: async (name: string, given: Json, unset: 'absent' | 'null' = 'absent') => {
      const { status, body } = await invoke(app, tools.get(name) as Tool, given, unset)
      return { status, ...body }
    },
  }
}

describe('/openapi-tools.json', () => {
  it('offers what the author of an app needs, with a type for every parameter and no header', async () => {
    const { tools } = await open()
    expect([...tools.keys()].sort()).toEqual([
      'add_memory',
      'cache_get',
      'cache_set',
      'get_profile',
      'recall',
      'record_outcome',
      'search_memories',
    ])
    const TYPES = ['string', 'integer', 'number', 'boolean', 'array', 'object']
    for (const { operationId, summary, parameters = [], requestBody } of tools.values()) {
      expect(operationId).toMatch(/^[a-z_]+$/)
      expect(summary).toBeTruthy()
      const fields = requestBody?.content['application/json']?.schema.properties ?? {}
      const all = [
        ...parameters.map(({ name, schema }) => [name, schema] as const),
        ...Object.entries(fields),
      ]
      const untyped = all.filter(([, { type = '', $ref }]) => !TYPES.includes(type) || $ref !== undefined)
      expect([operationId, untyped.map(([name]) => name)]).toEqual([operationId, []])
      expect(parameters.map((parameter) => parameter.in)).not.toContain('header')
    }
  })

  it.each(['absent', 'null'] as const)('works with every optional field %s', async (unset) => {
    const { tools, call } = await open()
    const user = { user_id: 'ada' }
    const quoted = 'I am "allergic" to peanuts.'
    const required: Record<string, Json> = {
      add_memory: { ...user, user_message: quoted },
      recall: { ...user, query: 'allergic' },
      search_memories: { ...user, query: 'allergic' },
      get_profile: user,
      cache_set: { key: 'k', value: 'v' },
      cache_get: { key: 'k' },
      record_outcome: { ...user, name: 'thumbs', value: 'like' },
    }
    const answers: Record<string, Json> = {}
    for (const [name, given] of Object.entries(required)) answers[name] = await call(name, given, unset)
    expect(Object.keys(answers).sort()).toEqual([...tools.keys()].sort())
    expect(answers).toMatchObject({
      add_memory: { status: 'stored', events: [{ event: 'ADD', memory: quoted }] },
      recall: { status: 'ok', context: expect.stringContaining(quoted) },
      search_memories: { status: 200, memories: [{ memory: quoted }] },
      get_profile: { status: 200, text: expect.stringContaining(quoted) },
      cache_set: { status: 'stored' },
      cache_get: { status: 'hit', value: 'v' },
      record_outcome: { status: 'ok', reason: 'no_unit' },
    })
  })

  it('works with every field as an author enters it', async () => {
    const { call } = await open()
    const turn = { user_id: 'ada', conversation_id: 'c', turn: '3' }
    const labels = { agent_id: 'a', run_id: 'r', app_id: 'p' }
    expect(
      await call('add_memory', {
        ...turn,
        ...labels,
        user_message: 'I keep bees.',
        assistant_message: 'How many hives do you have?',
        metadata: '{"channel": "web"}',
        mode: 'verbatim',
        remember: 'user',
      }),
    ).toMatchObject({ status: 'stored', turn: 3, events: [{ memory: 'I keep bees.' }] })
    const messages = '[{"role": "user", "content": "I keep goats."}]'
    expect(await call('add_memory', { user_id: 'ada', messages })).toMatchObject({
      events: [{ memory: 'I keep goats.' }],
    })
    const filters = '{"metadata.channel": "web"}'
    const search = { query: 'What do I keep?', top_k: '5', threshold: '0', filters, ...labels }
    expect(await call('search_memories', { user_id: 'ada', ...search, explain: true })).toMatchObject({
      memories: [{ memory: 'I keep bees.' }],
    })
    expect(
      await call('recall', {
        ...{ ...turn, turn: '20', window_size: '10' },
        ...{ ...search, strategy: 'cached_delta', token_budget: '800', freshness: 'write' },
        ...{ refresh: false, refresh_on_shift: '0.5', experiment: 'none', at: '2026-03-01T09:30:00Z' },
      }),
    ).toMatchObject({ strategy: 'cached_delta', memories: [{ memory: 'I keep bees.' }] })
    const profile = { token_budget: '500', topics: 'said', prefer: 'said', max_per_topic: '3' }
    expect(await call('get_profile', { user_id: 'ada', ...labels, ...profile })).toMatchObject({
      status: 200,
    })
    const window = { conversation_id: 'c', turn: '3', window_size: '10' }
    expect(await call('cache_set', { key: 'k', value: '42', ttl_s: '60', ...window })).toMatchObject({
      serves_until_turn: 12,
    })
    expect(await call('cache_get', { key: 'k', ...window, turn: '13' })).toMatchObject({ status: 'stale' })
    expect(await call('cache_get', { key: 'k', ...window, turn: '12' })).toMatchObject({ value: '42' })
    expect(await call('record_outcome', { ...turn, name: 'thumbs', value: '1', id: 'm' })).toMatchObject({
      status: 'ok',
    })
  })
})
