import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { testApp } from '../../helpers/test-app.ts'

type Node = Record<string, unknown>

/** Yields every object of a document with its path. */
function* objects(value: unknown, path = '#'): Generator<[path: string, node: Node]> {
  if (value === null || typeof value !== 'object') return
  if (!Array.isArray(value)) yield [path, value as Node]
  for (const [key, child] of Object.entries(value)) yield* objects(child, `${path}/${key}`)
}

async function documentOf(options: Parameters<typeof testApp>[0] = {}, path = '/openapi.json', headers = {}) {
  const { body } = await testApp(options).call('GET', path, undefined, headers)
  return body
}

let cached: ReturnType<typeof documentOf> | undefined

/** The document of an app without options, read once. */
async function plainDocument() {
  cached ??= documentOf()
  return structuredClone(await cached)
}

interface Operation {
  operationId: string
  summary?: string
  description?: string
  parameters?: { name: string; in: string; description?: string; schema: Node & { example?: unknown } }[]
  requestBody?: {
    required?: boolean
    content: Record<
      string,
      { schema: { type: string; properties: Record<string, Node>; required?: string[] } }
    >
  }
  responses: Record<string, unknown>
}

function operationsOf(document: { paths: Record<string, Record<string, Operation>> }): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method} ${path}`,
      operation,
    ]),
  )
}

describe('/openapi.json can be imported by Dify:', () => {
  it('has version 3.0 and info', async () => {
    const document = await plainDocument()
    expect(document.openapi).toMatch(/^3\.0\.\d+$/)
    expect(document.info).toMatchObject({
      title: 'Hippocache',
      version: expect.any(String),
      description: expect.any(String),
    })
  })

  it('has no $ref, because Dify does not resolve them within properties', async () => {
    const paths = [...objects(await plainDocument())]
      .filter(([, node]) => '$ref' in node)
      .map(([path]) => path)
    expect(paths).toEqual([])
  })

  it('has no list of types and no type null, which are OpenAPI 3.1 and crash the importer', async () => {
    const wrong = [...objects((await plainDocument()).paths)].filter(
      ([, { type }]) => Array.isArray(type) || type === 'null',
    )
    expect(wrong).toEqual([])
  })

  it('has at most 100 unique operation ids that are valid tool names', async () => {
    const ids = operationsOf(await plainDocument()).map(([, { operationId }]) => operationId)
    for (const id of ids) expect(id).toMatch(/^[a-z0-9_]+$/)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBeLessThanOrEqual(100)
  })

  it('describes every operation, parameter and field', async () => {
    const bare: string[] = []
    for (const [route, { summary, description, parameters = [], requestBody }] of operationsOf(
      await plainDocument(),
    )) {
      if (!summary && !description) bare.push(route)
      for (const one of parameters) {
        if (!one.description && !one.schema['description'] && one.schema.example === undefined)
          bare.push(`${route} ${one.in} ${one.name}`)
        if (!('type' in one.schema)) bare.push(`${route} ${one.name} has no type`)
      }
      const schema = requestBody?.content['application/json']?.schema
      for (const [name, field] of Object.entries(schema?.properties ?? {})) {
        if (!field['description'] && field['example'] === undefined) bare.push(`${route} body ${name}`)
        // Dify does not send a field without a type.
        if (!('type' in field)) bare.push(`${route} body ${name} has no type`)
      }
    }
    expect(bare).toEqual([])
  })

  it('has object bodies of one content type with their required fields', async () => {
    for (const [route, { requestBody }] of operationsOf(await plainDocument())) {
      if (!requestBody) continue
      expect([route, Object.keys(requestBody.content)]).toEqual([route, ['application/json']])
      const schema = requestBody.content['application/json']?.schema
      expect(schema?.type).toBe('object')
      for (const name of schema?.required ?? []) expect(Object.keys(schema?.properties ?? {})).toContain(name)
    }
    const document = await plainDocument()
    const required = (path: string, method: string) =>
      document.paths[path][method].requestBody.content['application/json'].schema.required
    expect(required('/v1/memories', 'post')).toEqual(['user_id'])
    expect(required('/v1/recall', 'post')).toEqual(['query', 'user_id'])
  })

  it('has the address of the request as its only server', async () => {
    expect((await documentOf({}, 'http://127.0.0.1:9000/openapi.json')).servers).toEqual([
      { url: 'http://127.0.0.1:9000' },
    ])
    const proxied = await documentOf({}, 'http://localhost/openapi.json', {
      'x-forwarded-proto': 'https, http',
    })
    expect(proxied.servers).toEqual([{ url: 'https://localhost' }])
    const odd = await documentOf({}, 'http://localhost/openapi.json', { 'x-forwarded-proto': 'javascript' })
    expect(odd.servers).toEqual([{ url: 'http://localhost' }])
  })

  it('repeats no host from outside when API keys are set', async () => {
    const apiKeys = [{ namespace: 'one', sha256: sha256Of('the-key-of-one-one') }]
    const serverOf = async (host: string) =>
      (await documentOf({ apiKeys }, `http://${host}/openapi.json`)).servers[0].url
    for (const host of ['localhost:8484', '127.0.0.1:8484', '[::1]:8484', 'hippocache:8484', 'hippocache']) {
      expect(await serverOf(host)).toBe(`http://${host}`)
    }
    for (const host of ['evil.example.com', 'localhost.evil.example', '203.0.113.7', '127.0.0.1.nip.io']) {
      expect(await serverOf(host)).toBe('http://localhost')
    }
  })

  it('has bounds for every integer in a query, and a failure for every operation', async () => {
    for (const [route, { parameters = [], responses }] of operationsOf(await plainDocument())) {
      expect([route, Object.keys(responses)]).toEqual([route, expect.arrayContaining(['default'])])
      for (const { name, schema } of parameters) {
        if (schema['type'] !== 'integer') continue
        expect([route, name, schema]).toEqual([
          route,
          name,
          expect.objectContaining({ minimum: expect.any(Number), maximum: expect.any(Number) }),
        ])
      }
    }
  })

  it('says which operations need no key', async () => {
    const open = operationsOf(await plainDocument()).filter(([, operation]) => 'security' in operation)
    expect(open.map(([route, operation]) => [route, (operation as { security?: unknown }).security])).toEqual(
      [
        ['get /healthz', []],
        ['get /readyz', []],
      ],
    )
  })

  it('has PUBLIC_URL as its only server if it is set', async () => {
    expect((await documentOf({ publicUrl: 'https://memory.example.com' })).servers).toEqual([
      { url: 'https://memory.example.com' },
    ])
  })

  it('declares bearer authentication', async () => {
    const document = await plainDocument()
    expect(document.components.securitySchemes).toEqual({ bearer: { type: 'http', scheme: 'bearer' } })
    expect(document.security).toEqual([{ bearer: [] }])
  })

  it('describes exactly the fields of the responses', async () => {
    const { call } = testApp()
    const { body: document } = await call('GET', '/openapi.json')
    const turn = {
      user_id: 'ada',
      conversation_id: 'c',
      messages: [{ role: 'user', content: 'I like tea.' }],
    }
    const id = (await call('POST', '/v1/memories', turn)).body.events[0].id
    const calls: [string, string, string, unknown][] = [
      ['post', '/v1/memories', '/v1/memories', turn],
      ['get', '/v1/memories', '/v1/memories?user_id=ada', undefined],
      ['get', '/v1/memories/{id}', `/v1/memories/${id}?user_id=ada`, undefined],
      ['post', '/v1/memories/search', '/v1/memories/search', { user_id: 'ada', query: 'tea' }],
      ['post', '/v1/recall', '/v1/recall', { user_id: 'ada', query: 'tea' }],
      ['put', '/v1/cache/{key}', '/v1/cache/k', { value: 1 }],
      ['get', '/v1/cache/{key}', '/v1/cache/k', undefined],
      ['delete', '/v1/cache/{key}', '/v1/cache/k', undefined],
      ['get', '/v1/memories/{id}/history', `/v1/memories/${id}/history?user_id=ada`, undefined],
      ['get', '/v1/profile', '/v1/profile?user_id=ada', undefined],
      ['get', '/v1/ledger', '/v1/ledger?group_by=user', undefined],
      ['get', '/v1/status', '/v1/status', undefined],
      ['get', '/healthz', '/healthz', undefined],
      ['get', '/readyz', '/readyz', undefined],
      ['delete', '/v1/memories/{id}', `/v1/memories/${id}?user_id=ada`, undefined],
    ]
    for (const [method, path, url, body] of calls) {
      const answer = await call(method.toUpperCase(), url, body)
      expect([url, answer.status]).toEqual([url, 200])
      const schema = document.paths[path][method].responses['200'].content['application/json'].schema
      expect(mismatches(schema, answer.body)).toEqual([])
    }
  })
})

it('docs/http-api.md lists every operation', async () => {
  const page = readFileSync(new URL('../../../docs/http-api.md', import.meta.url), 'utf8')
  const listed = [...page.matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/[^`?]*)/g)].map(
    ([, method, path]) => `${method} ${path}`,
  )
  const routes = operationsOf(await plainDocument()).map(([route]) => {
    const [method = '', path] = route.split(' ')
    return `${method.toUpperCase()} ${path}`
  })
  expect(routes.filter((route) => !listed.includes(route))).toEqual([])
})

interface Schema {
  type?: string
  nullable?: boolean
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  enum?: unknown[]
}

function mismatches(schema: Schema, value: unknown, path = 'answer'): string[] {
  if (value === null) return schema.nullable || schema.type === undefined ? [] : [`${path} is null`]
  const wrong: string[] = []
  if (schema.enum && !schema.enum.includes(value)) wrong.push(`${path} is ${String(value)}`)
  if (schema.items && Array.isArray(value))
    wrong.push(...value.flatMap((one, i) => mismatches(schema.items as Schema, one, `${path}[${i}]`)))
  if (schema.properties) {
    for (const name of schema.required ?? [])
      if (!Object.hasOwn(value as object, name)) wrong.push(`${path}.${name} is missing`)
    for (const [name, one] of Object.entries(value as object)) {
      const described = schema.properties[name]
      wrong.push(
        ...(described ? mismatches(described, one, `${path}.${name}`) : [`${path}.${name} is not described`]),
      )
    }
  }
  return wrong
}
