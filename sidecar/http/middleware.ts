import { randomUUID } from 'node:crypto'
import type { Context, MiddlewareHandler, Next } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { getCookie } from 'hono/cookie'
import { requestId } from 'hono/request-id'
import { matchedRoutes } from 'hono/route'
import { METHOD_NAME_ALL } from 'hono/router'
import { OTHER } from '../insight/metrics/limit-values.ts'
import type { Metrics } from '../insight/metrics/metrics.ts'
import { AppError, clip } from '../ports/errors.ts'
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
 * Rejects requests of web pages of other sites. Programs send no Origin.
 * @param publicUrl address of this sidecar behind a proxy
 */
export function requireOwnOrigin(publicUrl: string | undefined): MiddlewareHandler<AppEnv> {
  const publicOrigin = publicUrl && new URL(publicUrl).origin
  return (c, next) => {
    const origin = c.req.header('origin')
    if (origin === undefined || origin === publicOrigin) return next()
    const host = URL.parse(origin)?.host
    if (host && host === c.req.header('host')) return next()
    throw new AppError(
      'forbidden',
      `Origin: expected this sidecar or nothing, got ${JSON.stringify(clip(origin))}. Web pages of other sites are not served.`,
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
    const namespace = namespaceFrom(header, keys, 'Bearer')
    c.set('namespace', namespace)
    // Whose memories the answer is about, for a client with several keys.
    c.header('x-hippocache-namespace', namespace)
    return next()
  }
}

/** Sets the namespace of the API key. No session of the dashboard is accepted. */
export function authenticateKey(
  keys: readonly ApiKey[],
  scheme: 'Bearer' | 'Token',
): MiddlewareHandler<AppEnv> {
  return (c, next) => {
    c.set('namespace', namespaceFrom(c.req.header('authorization'), keys, scheme))
    return next()
  }
}

function namespaceFrom(header: string | undefined, keys: readonly ApiKey[], scheme: string): string {
  if (keys.length === 0) return DEFAULT_NAMESPACE
  const [, givenScheme = '', secret] = /^(\w+) +(\S+)$/.exec(header ?? '') ?? []
  if (secret === undefined || givenScheme.toLowerCase() !== scheme.toLowerCase()) {
    const received = header ? 'another value' : 'nothing'
    throw new AppError('unauthorized', `Authorization: expected "${scheme} <key>", got ${received}`)
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
