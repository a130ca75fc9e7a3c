import { randomUUID } from 'node:crypto'
import type { Context, MiddlewareHandler, Next } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { getCookie } from 'hono/cookie'
import { requestId } from 'hono/request-id'
import { matchedRoutes } from 'hono/route'
import { METHOD_NAME_ALL } from 'hono/router'
import { OTHER } from '../insight/metrics/limit-values.ts'
import type { Metrics } from '../insight/metrics/metrics.ts'
import { AppError } from '../ports/errors.ts'
import { type ApiKey, DEFAULT_NAMESPACE, namespaceOf } from './access/api-keys.ts'
import { assertFromDashboard, SESSION_COOKIE } from './access/cookie.ts'
import type { Sessions } from './access/sessions.ts'
import type { AppEnv } from './shared/router.ts'

/** Takes the request id of a proxy if it is well-formed, else generates one. */
export function assignRequestId(): MiddlewareHandler<AppEnv> {
  return requestId({ limitLength: 128, generator: proxyIdOrNew })
}

/** Hono rejects ids with dots and colons, which some proxies use. */
function proxyIdOrNew(c: Context): string {
  const given = c.req.header('x-request-id')
  return given && /^[\w.:=-]{1,128}$/.test(given) ? given : randomUUID()
}

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])

/** Counts and times requests by route pattern; a request that matches no route is counted as `none`. */
export function recordRequests({ request }: Pick<Metrics, 'request'>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const started = performance.now()
    await next()
    const { method } = c.req
    // Middleware is in the list too, registered for all methods.
    const route = matchedRoutes(c).find((matched) => matched.method !== METHOD_NAME_ALL)?.path ?? 'none'
    const seconds = (performance.now() - started) / 1000
    request(METHODS.has(method) ? method : OTHER, route, c.res.status, seconds)
  }
}

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i

/**
 * Without API keys, accepts requests for loopback hosts only: otherwise a web page could reach the sidecar through
 * its own host name that resolves to this machine (DNS rebinding).
 */
export function requireLoopbackHost(): MiddlewareHandler<AppEnv> {
  return (c, next) => {
    const host = c.req.header('host')
    if (host === undefined || LOOPBACK_HOST.test(host)) return next()
    throw new AppError(
      'forbidden',
      `Host: expected localhost or a loopback address while no API_KEYS are set, got ${JSON.stringify(host)}. ` +
        'Set API_KEYS to accept other host names.',
    )
  }
}

/**
 * Sets the namespace of the API key, or of the session of the dashboard; without configured keys, every request uses
 * the default namespace.
 */
export function authenticate(keys: readonly ApiKey[], sessions: Sessions): MiddlewareHandler<AppEnv> {
  const fromSession = async (c: Context<AppEnv>, next: Next, token: string) => {
    const namespace = await sessions.namespaceOf(token)
    if (namespace === undefined) {
      throw new AppError('unauthorized', 'The session has ended. Sign in again, or send an API key.')
    }
    if (c.req.method !== 'GET') assertFromDashboard(c)
    c.set('namespace', namespace)
    await next()
  }
  return (c, next) => {
    const header = c.req.header('authorization')
    const token = keys.length > 0 && header === undefined ? getCookie(c, SESSION_COOKIE) : undefined
    if (token !== undefined) return fromSession(c, next, token)
    const namespace = keys.length === 0 ? DEFAULT_NAMESPACE : namespaceFrom(header, keys)
    c.set('namespace', namespace)
    // Whose memories the answer is about, for a client with several keys.
    c.header('x-hippocache-namespace', namespace)
    return next()
  }
}

function namespaceFrom(header: string | undefined, keys: readonly ApiKey[]): string {
  const secret = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1]
  if (secret === undefined) {
    const received = header ? 'another value' : 'nothing'
    throw new AppError('unauthorized', `Authorization: expected "Bearer <key>", got ${received}`)
  }
  const namespace = namespaceOf(secret, keys)
  if (namespace === undefined) throw new AppError('unauthorized', 'Authorization: unknown API key')
  return namespace
}

export function limitBody(maxBytes: number): MiddlewareHandler<AppEnv> {
  const tooLarge = () => new AppError('payload_too_large', `body: expected at most ${maxBytes} bytes`)
  const countBytes = bodyLimit({
    maxSize: maxBytes,
    onError: (c) => {
      // The rest of the body stays unread, so the connection cannot carry another request.
      c.header('connection', 'close')
      throw tooLarge()
    },
  })
  return (c, next) => {
    if (c.req.method === 'GET') return next()
    const length = c.req.header('content-length')
    // Only for bodies of unknown length: bodyLimit turns every body into a Web stream, which halves the throughput.
    if (length === undefined || c.req.header('transfer-encoding') !== undefined) return countBytes(c, next)
    if (Number(length) > maxBytes) throw tooLarge()
    return next()
  }
}
