import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'

/** Validates requests and responses against Qdrant's OpenAPI document. */
export interface ApiCheck {
  /** Violations of a request. */
  request(method: string, path: string, query: URLSearchParams, body: unknown): string | undefined
  /** Violations of the response. */
  answer(method: string, path: string, status: number, body: unknown): string | undefined
}

// biome-ignore lint/suspicious/noExplicitAny: a JSON document
type Node = any

/** @param file OpenAPI 3.0 document of the server */
export function checkAgainst(file: string): ApiCheck {
  const document = JSON.parse(readFileSync(file, 'utf8'))
  const ajv = new Ajv({ strict: false, validateFormats: false, coerceTypes: false })
  ajv.addSchema(toJsonSchema({ components: document.components }), 'qdrant')
  const parameters = new Ajv({ strict: false, validateFormats: false, coerceTypes: true })
  parameters.addSchema(toJsonSchema({ components: document.components }), 'qdrant')
  const compiled = new Map<string, ValidateFunction>()

  function validate(validator: Ajv, key: string, schema: Node, value: unknown): string | undefined {
    let check = compiled.get(key)
    if (!check) {
      check = validator.compile(toJsonSchema(schema))
      compiled.set(key, check)
    }
    if (check(value)) return undefined
    return `${key}: ${validator.errorsText(check.errors).slice(0, 500)}`
  }

  function operationOf(method: string, path: string): { key: string; operation: Node } | undefined {
    const parts = path.split('/')
    const matches = Object.keys(document.paths).filter((template) => {
      const wanted = template.split('/')
      return (
        wanted.length === parts.length && wanted.every((one, i) => one.startsWith('{') || one === parts[i])
      )
    })
    // `/collections/aliases` also matches a collection of that name: the path with fewer placeholders wins.
    matches.sort((a, b) => a.split('{').length - b.split('{').length)
    const template = matches.find((one) => document.paths[one][method.toLowerCase()])
    if (!template) return undefined
    return { key: `${method} ${template}`, operation: document.paths[template][method.toLowerCase()] }
  }

  return {
    request(method, path, query, body) {
      const found = operationOf(method, path)
      if (!found) return `${method} ${path}: no such operation`
      const { key, operation } = found
      for (const [name, value] of query) {
        const known = operation.parameters?.find((one: Node) => one.in === 'query' && one.name === name)
        if (!known) return `${key}: no query parameter ${name}`
        const wrong = validate(parameters, `${key}?${name}`, wrapped(known.schema), { value })
        if (wrong) return wrong
      }
      const schema = operation.requestBody?.content['application/json'].schema
      if (schema) return validate(ajv, `${key} body`, schema, body)
      return body === undefined || isEmpty(body) ? undefined : `${key}: takes no body`
    },
    answer(method, path, status, body) {
      const found = operationOf(method, path)
      if (!found) return undefined
      const { responses } = found.operation
      const response = responses[status] ?? (status >= 400 ? responses['4XX'] : undefined)
      if (!response) return `${found.key}: no answer of status ${status}`
      const schema = response.content['application/json'].schema
      return validate(ajv, `${found.key} ${status}`, schema, body)
    },
  }
}

function wrapped(schema: Node): Node {
  return { type: 'object', properties: { value: schema } }
}

function isEmpty(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Object.keys(body).length === 0
}

/**
 * Converts OpenAPI 3.0 to JSON Schema. Objects with named properties allow no others, to find misspelt options, which a
 * server would ignore.
 */
function toJsonSchema(node: Node): Node {
  if (Array.isArray(node)) return node.map(toJsonSchema)
  if (node === null || typeof node !== 'object') return node
  const { nullable, example, default: _default, ...rest } = node
  if (typeof rest.$ref === 'string') return { $ref: `qdrant${rest.$ref}` }
  const schema = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, toJsonSchema(value)]))
  if (rest.properties && rest.type === 'object' && rest.additionalProperties === undefined) {
    Object.assign(schema, { additionalProperties: false })
  }
  if (nullable !== true) return schema
  return Object.keys(rest).filter((key) => key !== 'description').length === 0
    ? { type: 'null' }
    : { anyOf: [schema, { type: 'null' }] }
}
