import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testApp } from '../../helpers/test-app.ts'

/** The parts of a schema that the document uses. */
interface Schema {
  type?: string
  enum?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  minimum?: number
  maximum?: number
  anyOf?: Schema[]
  oneOf?: Schema[]
  example?: unknown
}

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
}

interface Operation {
  operationId: string
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}

const JUNK = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '\ud800',
    '../..',
    'null',
    '9'.repeat(30),
    'x'.repeat(3000),
    -1,
    1e308,
    [],
    {},
  ),
)

/** Values of a schema; now and then something else. */
function arbitraryOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: expectedOf(schema), weight: 6 }, { arbitrary: JUNK, weight: 1 })
}

function expectedOf({ type, enum: values, properties = {}, required = [], items, ...schema }: Schema) {
  const alternatives = schema.anyOf ?? schema.oneOf
  if (schema.example !== undefined && !alternatives) return fc.constant(schema.example)
  if (values) return fc.constantFrom(...values)
  if (alternatives) return fc.oneof(...alternatives.map(arbitraryOf))
  switch (type) {
    case 'string':
      return fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constant('2026-03-01T10:00:00Z'))
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? -10, max: Math.min(schema.maximum ?? 1000, 1000) })
    case 'boolean':
      return fc.boolean()
    case 'array':
      return fc.array(arbitraryOf(items ?? {}), { maxLength: 3 })
    case 'object': {
      const fields = Object.entries(properties).map(([name, field]) => [name, arbitraryOf(field)] as const)
      return fc.record(Object.fromEntries(fields), { requiredKeys: required })
    }
    default:
      return fc.jsonValue({ maxDepth: 3 })
  }
}

const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed()

/** Path with its query, headers, and body of a request. */
function requestOf(path: string, { parameters = [], requestBody }: Operation) {
  const record = (place: Parameter['in']) => {
    const own = parameters.filter((one) => one.in === place)
    const requiredKeys = own.filter(({ required }) => required).map(({ name }) => name)
    return fc.record(Object.fromEntries(own.map(({ name, schema }) => [name, arbitraryOf(schema)])), {
      requiredKeys,
    })
  }
  const schema = requestBody?.content['application/json']?.schema
  return fc.record({
    url: fc.tuple(record('path'), record('query')).map(([params, query]) => {
      const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(text(params[name])) || '%20')
      const pairs = Object.entries(query).map(([name, value]): [string, string] => [name, text(value)])
      return `${filled}?${new URLSearchParams(pairs)}`
    }),
    key: record('header').map((headers) => text(headers['idempotency-key'] ?? '').replace(/[^ -~]/g, '')),
    body: schema ? arbitraryOf(schema) : fc.constant(undefined),
  })
}

/** Requests per operation. */
const RUNS = 8

describe('any request that the OpenAPI document describes, with wrong values now and then', () => {
  it('is answered, never with 5xx, and an error has the documented shape', async () => {
    const { fetch } = testApp()
    const document = (await (await fetch('/openapi.json')).json()) as {
      paths: Record<string, Record<string, Operation>>
    }
    const succeeded = new Set<string>()
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const property = fc.asyncProperty(requestOf(path, operation), async ({ url, key, body }) => {
          const init = body === undefined ? {} : { body: JSON.stringify(body) }
          const headers = { 'content-type': 'application/json', 'idempotency-key': key.slice(0, 300) }
          const answer = await fetch(url, { method: method.toUpperCase(), headers, ...init })
          const answered = await answer.text()
          expect(answer.status, answered).toBeLessThan(500)
          if (answer.status < 400) return void succeeded.add(operation.operationId)
          expect(JSON.parse(answered)).toEqual({
            error: {
              code: expect.stringMatching(/^[a-z_]+$/),
              message: expect.stringMatching(/./),
              request_id: expect.any(String),
              ...(answered.includes('"details"') && { details: expect.any(Array) }),
            },
          })
        })
        await fc.assert(property, { numRuns: RUNS })
      }
    }
    // The generator also makes requests that are valid.
    expect(succeeded.size).toBeGreaterThan(20)
  })
})
