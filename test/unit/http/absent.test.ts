import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../sidecar/app/config.ts'
import { createApp } from '../../../sidecar/http/app.ts'
import type { HttpServices } from '../../../sidecar/http/shared/services.ts'
import { createLog } from '../../../sidecar/ports/log.ts'
import { said, type TestApp, testApp } from '../../helpers/test-app.ts'

interface Schema {
  nullable?: boolean
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
}

/** A valid body of each operation that has one. */
const BODIES: Record<string, Record<string, unknown>> = {
  'post /v1/memories': said('I keep bees.'),
  'patch /v1/memories/{id}': { user_id: 'ada', memory: 'I keep goats.', importance: 3 },
  'post /v1/memories/search': { user_id: 'ada', query: 'bees' },
  'post /v1/memories/{id}/restore': { user_id: 'ada' },
  'post /v1/import': {
    user_id: 'ada',
    records: [{ kind: 'conversation', order: 0, conversation: { id: 'c', last_turn: 3, summary: '' } }],
  },
  'post /v1/memories/import': { user_id: 'ada', memories: [{ memory: 'Ada sails.' }] },
  'post /v1/model-requests': { user_id: 'ada', answer: { id: 'r' } },
  'post /v1/pending/replay': { user_id: 'ada' },
  'post /v1/entities/{id}/split': { user_id: 'ada', name: 'Bob' },
  'post /v1/flush': { user_id: 'ada' },
  'post /v1/conversations/{id}/end': { user_id: 'ada' },
  'post /v1/recall': { user_id: 'ada', query: 'bees' },
  'post /v1/replays': {},
  'post /v1/experiments': {
    name: 'cached-or-not',
    arms: [
      { name: 'a', strategy: 'per_query' },
      { name: 'b', strategy: 'cached' },
    ],
  },
  'patch /v1/experiments/{name}': { shadow_share: 0.2 },
  'post /v1/outcomes': { name: 'thumbs', value: 1, user_id: 'ada' },
  'post /v1/users/link': { from_user_id: 'guest', to_user_id: 'ada' },
  'put /v1/cache/{key}': { value: 'v' },
  'put /v1/rules': { rules: {} },
}

interface Document {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>
}

async function readDocument(): Promise<Document> {
  // The routes are described, not called.
  const services = { metrics: { request: () => {} } } as unknown as HttpServices
  const config = readConfig({})
  const response = await createApp(
    services,
    config,
    createLog('silent', () => {}),
  ).request('/openapi.json')
  return (await response.json()) as Document
}

const document = await readDocument()

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { requestBody }]) => {
    const schema = requestBody?.content['application/json']?.schema
    return schema ? [{ name: `${method} ${path}`, method, path, schema }] : []
  }),
)

/** The optional fields of a body that occur in the document, as paths; `0` is the first item of a list. */
function optionalFields(schema: Schema, path: string[] = []): string[][] {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    ...(schema.required?.includes(name) ? [] : [[...path, name]]),
    ...optionalFields(field, [...path, name]),
  ])
  return [...fields, ...(schema.items ? optionalFields(schema.items, [...path, '0']) : [])]
}

/** A copy in which the field at the path has this value, if the objects on the path exist. */
function withField(value: unknown, [name = '', ...rest]: readonly string[], field: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  const copy = Array.isArray(value) ? [...value] : { ...value }
  Object.assign(copy, { [name]: rest.length === 0 ? field : withField(Reflect.get(copy, name), rest, field) })
  return copy
}

const cases = operations.flatMap(({ name, method, path, schema }) =>
  optionalFields(schema)
    // A turn has messages, in one of two ways.
    .filter((field) => field.join() !== 'messages')
    .map((field) => [`${name} ${field.join('.')}`, { name, method, path, field }] as const),
)

async function pathOf({ call }: TestApp, path: string): Promise<string> {
  if (path.startsWith('/v1/experiments/{name}')) {
    await call('POST', '/v1/experiments', BODIES['post /v1/experiments'])
    return path.replace('{name}', 'cached-or-not')
  }
  if (!path.startsWith('/v1/memories/{id}')) return path.replace('{id}', 'c').replace('{key}', 'k')
  const { body } = await call('POST', '/v1/memories', said('I keep bees.'))
  const { id } = body.events[0]
  await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: 'I keep ducks.' })
  return path.replace('{id}', id)
}

type Answered = { status: number; body: unknown }

/** Answers by method, path and body: a body without an optional field is that of the operation. */
const answers = new Map<string, Promise<unknown>>()

/** What a new app answers. */
async function answerOf(method: string, path: string, body: unknown): Promise<unknown> {
  const ask = async () => {
    const app = testApp()
    return comparable(await app.call(method.toUpperCase(), await pathOf(app, path), body))
  }
  const key = JSON.stringify([method, path, body])
  const answer = answers.get(key) ?? ask()
  answers.set(key, answer)
  return await answer
}

/** Without what differs from call to call. */
function comparable({ status, body }: Answered): unknown {
  return JSON.parse(
    JSON.stringify({ status, body }, (key, value) =>
      /^(?:took_ms|id|turn_id|.*_at|at)$/.test(key) ? 0 : value,
    ),
  )
}

describe('null in an optional field of a body', () => {
  it('is described by the OpenAPI document, for a body of every operation', () => {
    expect(operations.map(({ name }) => name).sort()).toEqual(Object.keys(BODIES).sort())
    const wrong = operations.flatMap(({ name, schema }) =>
      optionalFields(schema)
        .filter((path) => !at(schema, path)?.nullable)
        .map((path) => `${name} ${path}`),
    )
    expect(wrong).toEqual([])
  })

  it.each(cases)('counts as absent: %s', async (_name, { name, method, path, field }) => {
    const answerWith = (value: null | undefined) =>
      answerOf(method, path, withField(BODIES[name], field, value))
    const withNull = await answerWith(null)
    expect(withNull).toMatchObject({ status: 200 })
    // null has a meaning of its own for these fields.
    if (/^(?:topic|sub_topic|event_date|expires_at)$/.test(field.at(-1) ?? '') && method === 'patch') return
    if (name === 'patch /v1/memories/{id}' && field[0] === 'importance') return
    expect(withNull).toEqual(await answerWith(undefined))
  })

  it('keeps its meaning in metadata, cache values and corrections', async () => {
    const { call } = testApp()
    const metadata = { channel: null, tags: [null, 'a'] }
    const { body } = await call('POST', '/v1/memories', said('I keep bees.', { metadata }))
    const path = `/v1/memories/${body.events[0].id}`
    expect((await call('GET', `${path}?user_id=ada`)).body.metadata).toEqual(metadata)
    await call('PATCH', path, { user_id: 'ada', topic: 'work' })
    const unchanged = await call('PATCH', path, { user_id: 'ada', metadata: null, importance: 2 })
    expect(unchanged.body.memory).toMatchObject({ metadata, topic: 'work' })
    expect((await call('PATCH', path, { user_id: 'ada', topic: null })).body.memory.topic).toBeNull()
    await call('PUT', '/v1/cache/k', { value: { a: null } })
    expect((await call('GET', '/v1/cache/k')).body.value).toEqual({ a: null })
    expect((await call('PUT', '/v1/cache/k', { value: null })).status).toBe(200)
  })

  it('counts as absent in rules, imported memories and imported records', async () => {
    const { call, fetch } = testApp()
    const rules = {
      remember: null,
      custom_instructions: null,
      topics: [{ name: 'boats', description: null, sub_topics: null }],
      flush: null,
      run_retention_days: null,
    }
    const set = await call('PUT', '/v1/rules', { rules })
    expect(set.body.rules).toMatchObject({
      remember: 'both',
      topics: [{ name: 'boats' }],
      run_retention_days: null,
    })
    const memory = {
      memory: 'Ada sails.',
      id: null,
      metadata: null,
      importance: null,
      agent_id: null,
      at: null,
    }
    const imported = await call('POST', '/v1/memories/import', { user_id: 'ada', memories: [memory] })
    expect(imported.body).toMatchObject({ imported: 1, refused: [] })
    const lines = await (await fetch('/v1/export?user_id=ada')).text()
    const [, exported = ''] = lines.split('\n')
    const record = JSON.parse(exported)
    record.memory.same_as = null
    const restored = await call('POST', '/v1/import', { user_id: 'bob', records: [record] })
    expect(restored.body).toMatchObject({ restored: 1, refused: [] })
  })

  it('is an error in a required field', async () => {
    const { call } = testApp()
    expect((await call('POST', '/v1/recall', { user_id: null, query: 'x' })).body.error.details).toEqual([
      { field: 'user_id', message: 'expected string', received: 'null' },
    ])
  })
})

it('an empty Idempotency-Key counts as absent', async () => {
  const { call } = testApp()
  const add = () =>
    call('POST', '/v1/memories', said('I keep bees.', { conversation_id: 'c' }), { 'idempotency-key': '' })
  expect([(await add()).body.turn, (await add()).body.turn]).toEqual([1, 2])
})

function at(schema: Schema, path: readonly string[]): Schema | undefined {
  return path.reduce<Schema | undefined>(
    (one, name) => (name === '0' ? one?.items : one?.properties?.[name]),
    schema,
  )
}
