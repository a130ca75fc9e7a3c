import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { VERSION } from '../ports/version.ts'
import type { AppEnv } from './shared/router.ts'

/**
 * Serves the document as OpenAPI 3.0, because Dify's importer fails on the type lists of 3.1. Dify uses the first
 * server and cannot change it, so that is the address of this request unless `publicUrl` is set.
 */
export function serveOpenApi(
  app: OpenAPIHono<AppEnv>,
  { publicUrl, hasKeys }: { publicUrl: string | undefined; hasKeys: boolean },
): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  // Built once: that takes tens of milliseconds, and the path needs no key.
  let beforeServers: string | undefined
  app.get('/openapi.json', (c) => {
    beforeServers ??= JSON.stringify(createDocument(app)).slice(0, -1)
    const servers = JSON.stringify([{ url: publicUrl ?? originOf(c, hasKeys) }])
    c.header('content-type', 'application/json')
    c.header('vary', 'host, x-forwarded-proto')
    return c.body(`${beforeServers},"servers":${servers}}`)
  })
}

function createDocument(app: OpenAPIHono<AppEnv>): object {
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
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path as object))) {
    markNullable((operation as DocumentedOperation).requestBody?.content['application/json']?.schema)
  }
  return document
}

function originOf(c: Context<AppEnv>, _hasKeys: boolean): string {
  const { protocol, host } = new URL(c.req.url)
  const forwarded = c.req.header('x-forwarded-proto')?.split(',')[0]?.trim()
  return `${forwarded === 'https' ? 'https:' : protocol}//${host}`
}

interface DocumentedOperation {
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
