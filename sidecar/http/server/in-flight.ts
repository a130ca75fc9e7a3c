import type { HttpBindings } from '@hono/node-server'
import type { MiddlewareHandler } from 'hono'
import { AppError } from '../../ports/errors.ts'
import type { AppEnv } from '../shared/router.ts'

/** Limits of what is in flight at once: requests that have no complete answer yet, and the bytes of their bodies. */
export interface InFlightLimits {
  requests: number
  requestsPerKey: number
  bytes: number
  bytesPerKey: number
}

/** Seconds. */
const RETRY_AFTER_S = 1
/** A client that reads nothing of its answer for this long is disconnected, milliseconds. */
const STALLED_MS = 60_000

/**
 * Answers 503 above the limits of the sidecar, and 429 above those of the key, before the body is read.
 * @param maxBodyBytes counted for a body of unknown length
 */
export function limitInFlight(limits: InFlightLimits, maxBodyBytes: number): MiddlewareHandler<AppEnv> {
  const total = { requests: 0, bytes: 0 }
  const byKey = new Map<string, { requests: number; bytes: number }>()
  return async (c, next) => {
    const key = c.get('namespace')
    const own = byKey.get(key) ?? { requests: 0, bytes: 0 }
    const bytes = bodyBytes(c.req.method, c.req.header('content-length'), maxBodyBytes)
    if (own.requests >= limits.requestsPerKey || isAbove(own.bytes, bytes, limits.bytesPerKey)) {
      const message = `This API key has ${own.requests} requests in flight with ${own.bytes} bytes, which is its limit.`
      throw new AppError('too_many_requests', `${message} Nothing was done: retry later.`, {
        retryAfterS: RETRY_AFTER_S,
      })
    }
    if (total.requests >= limits.requests || isAbove(total.bytes, bytes, limits.bytes)) {
      const message = `The sidecar has ${total.requests} requests in flight with ${total.bytes} bytes, which is its limit.`
      throw new AppError('overloaded', `${message} Nothing was done: retry later.`, {
        retryAfterS: RETRY_AFTER_S,
      })
    }
    byKey.set(key, own)
    const count = (sign: 1 | -1) => {
      for (const counts of [total, own]) {
        counts.requests += sign
        counts.bytes += sign * bytes
      }
      if (own.requests === 0) byKey.delete(key)
    }
    count(1)
    // An answer that the client has not read yet uses memory too. Tests without a server have no connection.
    const outgoing = (c.env as Partial<HttpBindings> | undefined)?.outgoing
    try {
      await next()
    } finally {
      outgoing?.setTimeout(STALLED_MS)
      if (outgoing && !outgoing.closed) outgoing.once('close', () => count(-1))
      else count(-1)
    }
  }
}

/** One body is always accepted, whatever its size. */
function isAbove(bytes: number, more: number, limit: number): boolean {
  return bytes > 0 && bytes + more > limit
}

function bodyBytes(method: string, length: string | undefined, maxBodyBytes: number): number {
  if (method === 'GET' || method === 'HEAD') return 0
  return length === undefined ? maxBodyBytes : Math.min(Number(length), maxBodyBytes)
}
