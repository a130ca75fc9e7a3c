import type { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import type { Services } from './compose.ts'
import type { Config } from './config.ts'
import { AppError, type ErrorCode, STATUS_OF } from './errors.ts'
import type { Log } from './log.ts'
import { admit, identify } from './middleware.ts'
import { cacheRoutes } from './routes/cache.ts'
import { conversationRoutes } from './routes/conversations.ts'
import type { AppEnv } from './routes/env.ts'
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
import { router } from './routes/router.ts'
import { ruleRoutes } from './routes/rules.ts'
import { turnRoutes } from './routes/turns.ts'

export type AppConfig = Pick<Config, 'apiKeys' | 'maxBodyBytes' | 'publicUrl'>

/** The HTTP surface on given services: knows of no port, signal or environment. */
export function createApp(services: Services, config: AppConfig, log: Log): OpenAPIHono<AppEnv> {
  const app = router()
  app.use(identify(services.metrics))
  app.use(admit(config))
  app.route('/', healthRoutes(services))
  app.route('/', metricsRoutes(services))
  app.route('/', addRoutes(services))
  app.route('/', readRoutes(services))
  app.route('/', changeRoutes(services))
  app.route('/', searchRoutes(services))
  app.route('/', importMemoryRoutes(services))
  app.route('/', exportRoutes(services))
  app.route('/', pendingRoutes(services))
  app.route('/', turnRoutes(services))
  app.route('/', conversationRoutes(services))
  app.route('/', recallRoutes(services))
  app.route('/', profileRoutes(services))
  app.route('/', cacheRoutes(services))
  app.route('/', ruleRoutes(services))
  app.route('/', ledgerRoutes(services))
  serveOpenApi(app, config.publicUrl)

  app.notFound((c) => {
    throw new AppError('not_found', `no such path: ${c.req.method} ${c.req.path}`)
  })
  app.onError((error, c) => {
    const failure = toAppError(error)
    const request_id = c.get('requestId')
    if (failure.status >= 500) {
      log.error('request failed', {
        request_id,
        method: c.req.method,
        path: c.req.routePath,
        error: trace(error),
      })
    }
    const { code, message, details, retryAfterS } = failure
    if (retryAfterS !== undefined) c.header('retry-after', String(retryAfterS))
    if (code === 'unauthorized') c.header('www-authenticate', 'Bearer')
    return c.json({ error: { code, message, ...(details ? { details } : {}), request_id } }, failure.status)
  })
  return app
}

/** What was not foreseen says only `internal` to the caller. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof HTTPException) {
    const code = (Object.keys(STATUS_OF) as ErrorCode[]).find((one) => STATUS_OF[one] === error.status)
    if (code && error.status < 500) {
      return new AppError(code, error.status === 400 ? `body: ${lowerFirst(error.message)}` : error.message)
    }
  }
  return new AppError('internal', 'Something went wrong inside the sidecar; its log has this request_id.')
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}

function trace(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? String(error.stack) : `${error.stack}\ncaused by ${trace(error.cause)}`
}
