import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { AppError } from './errors.ts'
import { type ApiKey, DEFAULT_NAMESPACE, namespaceOf } from './keys.ts'
import type { AppEnv } from './routes/env.ts'

/** An id for each request, taken over from a proxy where it looks like one; answered and logged. */
export function requestId(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const given = c.req.header('x-request-id')
    const id = given && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
    c.set('requestId', id)
    // Before there is an answer: to add to one afterwards takes it apart and puts it together again.
    c.header('x-request-id', id)
    await next()
  }
}

/** Puts the namespace of the key where handlers find it. Without configured keys everybody is `default`. */
export function authenticate(keys: readonly ApiKey[]): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    c.set('namespace', keys.length === 0 ? DEFAULT_NAMESPACE : identify(c.req.header('authorization'), keys))
    await next()
  }
}

function identify(header: string | undefined, keys: readonly ApiKey[]): string {
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
export function loopbackNamesOnly(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const host = c.req.header('host')
    if (host !== undefined && !LOOPBACK_NAMES.test(host)) {
      throw new AppError(
        'forbidden',
        `Host: expected localhost or a loopback address as long as no API_KEYS are set, got ${JSON.stringify(host)}`,
      )
    }
    await next()
  }
}

/** Refuses larger bodies, by their announced length where there is one, else by what has come. */
export function limitBody(maxBytes: number): MiddlewareHandler<AppEnv> {
  const refuse = (): never => {
    throw new AppError('payload_too_large', `body: expected at most ${maxBytes} bytes`)
  }
  const counted = bodyLimit({
    maxSize: maxBytes,
    onError: (c) => {
      // The rest of the body stays unread, so nothing else can come over this connection.
      c.header('connection', 'close')
      return refuse()
    },
  })
  return async (c, next) => {
    // Nobody reads the body of a GET; to look whether there is one costs more than most answers.
    if (c.req.method === 'GET') return await next()
    const length = c.req.header('content-length')
    if (length === undefined || c.req.header('transfer-encoding') !== undefined) return await counted(c, next)
    // Without a look at the body: as long as nobody reads it, the server can skip it and keep the connection.
    if (Number(length) > maxBytes) refuse()
    return await next()
  }
}
