import type { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import { METHOD_NAME_ALL } from 'hono/router'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { AppError } from '../ports/errors.ts'
import { ModelUnavailable } from '../ports/language-model.ts'
import type { Log } from '../ports/log.ts'
import type { ApiKey } from './access/api-keys.ts'
import { Sessions } from './access/sessions.ts'
import { serveDashboard } from './dashboard/routes.ts'
import {
  assignRequestId,
  authenticate,
  authenticateKey,
  limitBody,
  recordRequests,
  requireLoopbackHost,
  requireOwnOrigin,
} from './middleware.ts'
import { serveOpenApi } from './openapi.ts'
import { cacheRoutes } from './routes/cache.ts'
import { conversationRoutes } from './routes/conversations.ts'
import { experimentRoutes } from './routes/experiments/experiments.ts'
import { outcomeRoutes } from './routes/experiments/outcomes.ts'
import { replayRoutes } from './routes/experiments/replays.ts'
import { entityRoutes } from './routes/graph/entities.ts'
import { graphRoutes } from './routes/graph/graph.ts'
import { lifeTimelineRoutes } from './routes/graph/timeline.ts'
import { healthRoutes } from './routes/health.ts'
import { ledgerRoutes } from './routes/ledger.ts'
import { mcpRoutes } from './routes/mcp/route.ts'
import { mem0Routes } from './routes/mem0/routes.ts'
import { addRoutes } from './routes/memories/add.ts'
import { changeRoutes } from './routes/memories/change.ts'
import { linkRoutes } from './routes/memories/link.ts'
import { readRoutes } from './routes/memories/read.ts'
import { transferRoutes } from './routes/memories/transfer.ts'
import { modelRequestRoutes } from './routes/model-requests.ts'
import { overviewRoutes } from './routes/overview.ts'
import { pendingRoutes } from './routes/pending.ts'
import { profileRoutes } from './routes/profile.ts'
import { recallRoutes } from './routes/recall.ts'
import { ruleRoutes } from './routes/rules.ts'
import { turnRoutes } from './routes/turns.ts'
import { type InFlightLimits, limitInFlight } from './server/in-flight.ts'
import { limitRate } from './server/rate-limit.ts'
import { type AppEnv, router } from './shared/router.ts'
import type { HttpServices } from './shared/services.ts'

const ROUTES = [
  healthRoutes,
  addRoutes,
  readRoutes,
  changeRoutes,
  transferRoutes,
  linkRoutes,
  pendingRoutes,
  modelRequestRoutes,
  turnRoutes,
  conversationRoutes,
  recallRoutes,
  profileRoutes,
  graphRoutes,
  entityRoutes,
  lifeTimelineRoutes,
  cacheRoutes,
  ruleRoutes,
  ledgerRoutes,
  experimentRoutes,
  replayRoutes,
  outcomeRoutes,
  overviewRoutes,
  mem0Routes,
  mcpRoutes,
]

export interface AppConfig {
  /** Without keys, every request uses the default namespace. */
  apiKeys: readonly ApiKey[]
  /** Largest request body, bytes. */
  maxBodyBytes: number
  /** Per API key; 0 for no limit. */
  requestsPerMinute: number
  inFlight: InFlightLimits
  /** Address in `/openapi.json`; the address of the request when absent. */
  publicUrl: string | undefined
}

/** The HTTP API. Does not depend on the port, the environment or process signals. */
export function createApp(services: HttpServices, config: AppConfig, log: Log): OpenAPIHono<AppEnv> {
  const { apiKeys, maxBodyBytes, inFlight, requestsPerMinute, publicUrl } = config
  const app = router()
  const sessions = new Sessions({ cache: services.cache, apiKeys, now: services.now })
  app.use(assignRequestId(), recordRequests(services.metrics))
  if (apiKeys.length === 0) app.use(requireLoopbackHost())
  const limit = limitInFlight(inFlight, maxBodyBytes)
  const rate = limitRate(requestsPerMinute, services.now)
  const bounded = [rate, limit, limitBody(maxBodyBytes)] as const
  app.use('/v1/*', authenticate(apiKeys, sessions), ...bounded)
  app.use('/mem0/*', authenticateKey(apiKeys, 'Token'), ...bounded)
  app.use('/mcp', requireOwnOrigin(publicUrl), authenticateKey(apiKeys, 'Bearer'), ...bounded)
  app.use('/metrics', authenticate(apiKeys, sessions), limit)
  for (const register of ROUTES) register(app, services)
  serveOpenApi(app, { publicUrl, hasKeys: apiKeys.length > 0 })
  serveDashboard(app, { sessions, needsKey: apiKeys.length > 0 })

  app.notFound((c) => {
    const allowed = METHODS.filter((method) => hasRoute(app, method, c.req.path)).flatMap((method) =>
      // Hono answers HEAD where there is GET.
      method === 'GET' ? ['GET', 'HEAD'] : method,
    )
    if (allowed.length > 0) {
      c.header('allow', allowed.join(', '))
      const message = `${c.req.path}: expected one of ${allowed.join(', ')}, got ${c.req.method}`
      throw new AppError('method_not_allowed', message)
    }
    throw new AppError('not_found', `no such path: ${c.req.method} ${c.req.path}`)
  })
  app.onError((error, c) => {
    const { code, message, details, retryAfterS, status } = toAppError(error)
    const request_id = c.get('requestId')
    // Rejected requests are expected, and a request whose client has disconnected needs no log entry.
    if (status >= 500 && code !== 'overloaded' && !c.req.raw.signal.aborted) {
      const { method, routePath: path } = c.req
      log.error('request failed', { request_id, method, path, error: formatError(error) })
    }
    if (retryAfterS !== undefined) c.header('retry-after', String(retryAfterS))
    const isMem0 = c.req.path.startsWith('/mem0/')
    if (code === 'unauthorized') c.header('www-authenticate', isMem0 ? 'Token' : 'Bearer')
    const envelope = { error: { code, message, ...(details ? { details } : {}), request_id } }
    // mem0's clients show `detail`.
    // Hono's type lacks 499.
    return c.json(isMem0 ? { detail: message, ...envelope } : envelope, status as ContentfulStatusCode)
  })
  return app
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Middleware matches too, for all methods. */
function hasRoute({ router }: OpenAPIHono<AppEnv>, method: string, path: string): boolean {
  return router.match(method, path)[0].some(([[, route]]) => route.method !== METHOD_NAME_ALL)
}

/** Hides the details of unexpected errors from the client. */
function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof ModelUnavailable) {
    return new AppError('backend_unavailable', `${error.message}. Retry later.`, { cause: error })
  }
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
