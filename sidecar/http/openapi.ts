import type { HttpBindings } from '@hono/node-server'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { VERSION } from '../ports/version.ts'
import type { AppEnv } from './shared/router.ts'

/** Operations that an author of a Dify app needs as tools: the others are for programs and the dashboard. */
const TOOLS = [
  'add_memory',
  'recall',
  'search_memories',
  'get_profile',
  'cache_get',
  'cache_set',
  'record_outcome',
]

/**
 * Serves the documents as OpenAPI 3.0, because Dify's importer fails on the type lists of 3.1. Dify uses the first
 * server and cannot change it, so that is the address of this request unless `publicUrl` is set.
 */
export function serveOpenApi(
  app: OpenAPIHono<AppEnv>,
  { publicUrl, hasKeys }: { publicUrl: string | undefined; hasKeys: boolean },
): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  for (const [path, select] of [
    ['/openapi.json', undefined],
    ['/openapi-tools.json', toTool],
  ] as const) {
    // Built once: that takes tens of milliseconds, and the path needs no key.
    let beforeServers: string | undefined
    app.get(path, (c) => {
      beforeServers ??= JSON.stringify(createDocument(app, select)).slice(0, -1)
      const servers = JSON.stringify([{ url: publicUrl ?? originOf(c, hasKeys) }])
      c.header('content-type', 'application/json')
      c.header('vary', 'host, x-forwarded-proto')
      return c.body(`${beforeServers},"servers":${servers}}`)
    })
  }
}

/** As Dify's custom tools need it: an operation without headers, because an unset header would be sent as an empty one. */
function toTool(operation: DocumentedOperation): DocumentedOperation | undefined {
  if (!TOOLS.includes(operation.operationId)) return undefined
  return { ...operation, parameters: operation.parameters?.filter((parameter) => parameter.in !== 'header') }
}

/** @param select the operation as the document shows it; `undefined` leaves it out */
function createDocument(
  app: OpenAPIHono<AppEnv>,
  select: (operation: DocumentedOperation) => DocumentedOperation | undefined = (operation) => operation,
): object {
  const document = app.getOpenAPIDocument({
    openapi: '3.0.3',
    info: {
      title: 'Hippocache',
      version: VERSION,
      description:
        'Long-term memory for Dify, cached in step with the chat window. In a request, null in an optional field means absent.',
    },
    security: [{ bearer: [] }],
  })
  const paths: Record<string, Record<string, DocumentedOperation>> = {}
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, described] of Object.entries(methods as Record<string, DocumentedOperation>)) {
      const operation = select(described)
      if (!operation) continue
      markNullable(operation.requestBody?.content['application/json']?.schema)
      paths[path] = { ...paths[path], [method]: operation }
    }
  }
  return { ...document, paths }
}

/** A host that no public domain can have: loopback, or a name without a dot, as in a Docker network. */
const LOCAL_HOST = /^(?:[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/

/**
 * Without keys, `requireLoopbackHost` has checked the host. With keys, a host from outside is not repeated, because a
 * cache between could give the document to others: the address that the connection reached takes its place.
 */
function originOf(c: Context<AppEnv>, hasKeys: boolean): string {
  const { protocol, host } = new URL(c.req.url)
  const forwarded = c.req.header('x-forwarded-proto')?.split(',')[0]?.trim()
  const scheme = forwarded === 'https' ? 'https:' : protocol
  const { localAddress = 'localhost', localPort } =
    (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket ?? {}
  if (!hasKeys || LOCAL_HOST.test(host)) return `${scheme}//${host}`
  const address = localAddress.replace(/^::ffff:/, '')
  return `http://${address.includes(':') ? `[${address}]` : address}${localPort ? `:${localPort}` : ''}`
}

interface DocumentedOperation {
  operationId: string
  parameters?: { in: string }[] | undefined
  requestBody?: { content: Record<string, { schema: DocumentedSchema }> }
}

interface DocumentedSchema {
  nullable?: boolean
  properties?: Record<string, DocumentedSchema>
  required?: string[]
  items?: DocumentedSchema
}

/** Says that `readBody` takes null for every optional field. */
function markNullable(schema: DocumentedSchema | undefined): void {
  if (schema?.items) markNullable(schema.items)
  for (const [name, field] of Object.entries(schema?.properties ?? {})) {
    if (!schema?.required?.includes(name)) field.nullable = true
    markNullable(field)
  }
}
