import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { VERSION } from '../ports/version.ts'
import type { AppEnv } from './shared/router.ts'

/**
 * Serves the document as OpenAPI 3.0, because Dify's importer fails on the type lists of 3.1. Dify uses the first
 * server and cannot change it, so that is the address of this request unless `publicUrl` is set.
 */
export function serveOpenApi(app: OpenAPIHono<AppEnv>, publicUrl: string | undefined): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  app.get('/openapi.json', (c) => {
    const document = app.getOpenAPIDocument({
      openapi: '3.0.3',
      info: {
        title: 'Hippocache',
        version: VERSION,
        description:
          'Long-term memory for Dify, cached in step with the chat window. In a request, null in an optional field means absent.',
      },
      servers: [{ url: publicUrl ?? originOf(c) }],
      security: [{ bearer: [] }],
    })
    for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path as object))) {
      markNullable((operation as DocumentedOperation).requestBody?.content['application/json']?.schema)
    }
    return c.json(document)
  })
}

function originOf(c: Context<AppEnv>): string {
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
