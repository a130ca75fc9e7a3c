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
  app.get('/openapi.json', (c) =>
    c.json(
      app.getOpenAPIDocument({
        openapi: '3.0.3',
        info: {
          title: 'Hippocache',
          version: VERSION,
          description: 'Long-term memory for Dify, cached in step with the chat window.',
        },
        servers: [{ url: publicUrl ?? originOf(c) }],
        security: [{ bearer: [] }],
      }),
    ),
  )
}

function originOf(c: Context<AppEnv>): string {
  const { protocol, host } = new URL(c.req.url)
  const forwarded = c.req.header('x-forwarded-proto')?.split(',')[0]?.trim()
  return `${forwarded === 'https' ? 'https:' : protocol}//${host}`
}
