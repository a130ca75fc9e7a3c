import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { matchedRoutes } from 'hono/route'
import { METHOD_NAME_ALL } from 'hono/router'
import { AppError } from './errors.ts'
import { type ApiKey, DEFAULT_NAMESPACE, namespaceOf } from './keys.ts'
import { OTHER } from './metrics/labels.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { AppEnv } from './routes/env.ts'

/*
 * Two middlewares for all that is done for every request, and not one for each part: each costs some microseconds, and
 * an answer from the cache takes some hundred.
 */

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])

/**
 * An id for each request, taken over from a proxy where it looks like one; answered and logged. Counts requests by the
 * pattern of their route; what no route is for is `none`.
 */
export function identify({ request }: Pick<Metrics, 'request'>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const started = performance.now()
    const given = c.req.header('x-request-id')
    const id = given && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
    c.set('requestId', id)
    sayId(c, id)
    await next()
    const { method } = c.req
    // Middleware stands in the list as well, for all methods.
    const route = matchedRoutes(c).find((one) => one.method !== METHOD_NAME_ALL)?.path ?? 'none'
    const seconds = (performance.now() - started) / 1000
    request(METHODS.has(method) ? method : OTHER, route, c.res.status, seconds)
  }
}

/** On Node's own answer where there is one: a `Headers` object costs more than the rest of the middleware. */
function sayId(c: Context<AppEnv>, id: string): void {
  const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>
  if (outgoing) outgoing.setHeader('x-request-id', id)
  else c.header('x-request-id', id)
}

export interface Admission {
  /** None: everybody on this machine is let in. */
  apiKeys: readonly ApiKey[]
  maxBodyBytes: number
}

/**
 * Lets in who may come in, and bodies that are not too large. Puts the namespace of the key where handlers find it;
 * without configured keys everybody is `default`.
 */
export function admit({ apiKeys, maxBodyBytes }: Admission): MiddlewareHandler<AppEnv> {
  const countBody = limitBody(maxBodyBytes)
  return async (c, next) => {
    const { path } = c.req
    const isApi = path.startsWith('/v1/') || path === '/v1'
    if (apiKeys.length === 0) assertLoopbackName(c.req.header('host'))
    if (isApi || path === '/metrics') {
      const isOpen = apiKeys.length === 0
      c.set('namespace', isOpen ? DEFAULT_NAMESPACE : namespaceFrom(c.req.header('authorization'), apiKeys))
    }
    // Nobody reads the body of a GET; to look whether there is one costs more than most answers.
    if (!isApi || c.req.method === 'GET') return await next()
    const length = c.req.header('content-length')
    if (length === undefined || c.req.header('transfer-encoding') !== undefined)
      return await countBody(c, next)
    // Without a look at the body: as long as nobody reads it, the server can skip it and keep the connection.
    if (Number(length) > maxBodyBytes) throw tooLarge(maxBodyBytes)
    return await next()
  }
}

function namespaceFrom(header: string | undefined, keys: readonly ApiKey[]): string {
  const secret = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1]
  if (secret === undefined) {
    throw new AppError(
      'unauthorized',
      `Authorization: expected "Bearer <key>", got ${header ? 'something else' : 'nothing'}`,
    )
  }
  const namespace = namespaceOf(secret, keys)
  if (namespace === undefined) throw new AppError('unauthorized', 'Authorization: the key is not known here')
  return namespace
}

const LOOPBACK_NAMES = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i

/**
 * A sidecar without keys answers only to loopback names: a web page that the user visits cannot reach it through a
 * name of its own that resolves to this machine (DNS rebinding).
 */
function assertLoopbackName(host: string | undefined): void {
  if (host === undefined || LOOPBACK_NAMES.test(host)) return
  throw new AppError(
    'forbidden',
    `Host: expected localhost or a loopback address as long as no API_KEYS are set, got ${JSON.stringify(host)}`,
  )
}

/** Refuses larger bodies of unknown length by what has come. */
function limitBody(maxBytes: number): MiddlewareHandler<AppEnv> {
  return bodyLimit({
    maxSize: maxBytes,
    onError: (c) => {
      // The rest of the body stays unread, so nothing else can come over this connection.
      c.header('connection', 'close')
      throw tooLarge(maxBytes)
    },
  })
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('payload_too_large', `body: expected at most ${maxBytes} bytes`)
}
