import type { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import type { Services } from './compose.ts'
import type { Config } from './config.ts'
import { AppError } from './errors.ts'
import type { Log } from './log.ts'
import {
  assignRequestId,
  authenticate,
  limitBody,
  recordRequests,
  requireLoopbackHost,
} from './middleware.ts'
import { cacheRoutes } from './routes/cache.ts'
import { conversationRoutes } from './routes/conversations.ts'
import { exportRoutes } from './routes/export.ts'
import { healthRoutes } from './routes/health.ts'
import { ledgerRoutes } from './routes/ledger.ts'
import { addRoutes } from './routes/memories/add.ts'
import { changeRoutes } from './routes/memories/change.ts'
import { importMemoryRoutes } from './routes/memories/import.ts'
import { readRoutes } from './routes/memories/read.ts'
import { searchRoutes } from './routes/memories/search.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { serveOpenApi } from './routes/openapi.ts'
import { pendingRoutes } from './routes/pending.ts'
import { profileRoutes } from './routes/profile.ts'
import { recallRoutes } from './routes/recall.ts'
import { type AppEnv, router } from './routes/router.ts'
import { ruleRoutes } from './routes/rules.ts'
import { turnRoutes } from './routes/turns.ts'

export type AppConfig = Pick<Config, 'apiKeys' | 'maxBodyBytes' | 'publicUrl'>

/** The HTTP API. Does not depend on the port, the environment or process signals. */
export function createApp(services: Services, config: AppConfig, log: Log): OpenAPIHono<AppEnv> {
  const { apiKeys, maxBodyBytes, publicUrl } = config
  const app = router()
  app.use(assignRequestId(), recordRequests(services.metrics))
  if (apiKeys.length === 0) app.use(requireLoopbackHost())
  app.use('/v1/*', authenticate(apiKeys), limitBody(maxBodyBytes))
  app.use('/metrics', authenticate(apiKeys))
  for (const routes of [
    healthRoutes(services),
    metricsRoutes(services),
    addRoutes(services),
    readRoutes(services),
    changeRoutes(services),
    searchRoutes(services),
    importMemoryRoutes(services),
    exportRoutes(services),
    pendingRoutes(services),
    turnRoutes(services),
    conversationRoutes(services),
    recallRoutes(services),
    profileRoutes(services),
    cacheRoutes(services),
    ruleRoutes(services),
    ledgerRoutes(services),
  ]) {
    app.route('/', routes)
  }
  serveOpenApi(app, publicUrl)

  app.notFound((c) => {
    throw new AppError('not_found', `no such path: ${c.req.method} ${c.req.path}`)
  })
  app.onError((error, c) => {
    const { code, message, details, retryAfterS, status } = toAppError(error)
    const request_id = c.get('requestId')
    if (status >= 500) {
      const { method, routePath: path } = c.req
      log.error('request failed', { request_id, method, path, error: formatError(error) })
    }
    if (retryAfterS !== undefined) c.header('retry-after', String(retryAfterS))
    if (code === 'unauthorized') c.header('www-authenticate', 'Bearer')
    return c.json({ error: { code, message, ...(details ? { details } : {}), request_id } }, status)
  })
  return app
}

/** Hides the details of unexpected errors from the client. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof HTTPException) {
    // Hono's validators throw these two.
    if (error.status === 415) {
      return new AppError('unsupported_media_type', 'Content-Type: expected application/json')
    }
    if (error.status === 400) return new AppError('invalid_request', 'body: malformed JSON in request body')
  }
  return new AppError(
    'internal',
    'Internal error. The log of the sidecar has the details under this request_id.',
  )
}

function formatError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined
    ? String(error.stack)
    : `${error.stack}\ncaused by ${formatError(error.cause)}`
}
