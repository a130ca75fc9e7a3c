import type { MiddlewareHandler } from 'hono'
import { AppError } from '../../ports/errors.ts'
import type { AppEnv } from '../shared/router.ts'

const WINDOW_MS = 60_000

/**
 * Limits the requests of an API key per minute, and says in each answer how many are left. Above the limit: 429.
 * @param perMinute 0 for no limit
 * @param now epoch milliseconds
 */
export function limitRate(perMinute: number, now: () => number): MiddlewareHandler<AppEnv> {
  if (perMinute === 0) return (_, next) => next()
  // There are as many entries as namespaces.
  const windows = new Map<string, { startedAt: number; requests: number }>()
  return async (c, next) => {
    const key = c.get('namespace')
    const time = now()
    const known = windows.get(key)
    const window = known && time - known.startedAt < WINDOW_MS ? known : { startedAt: time, requests: 0 }
    windows.set(key, window)
    const resetS = Math.max(1, Math.ceil((window.startedAt + WINDOW_MS - time) / 1000))
    const isAbove = window.requests >= perMinute
    if (!isAbove) window.requests += 1
    c.header('ratelimit-limit', String(perMinute))
    c.header('ratelimit-remaining', String(perMinute - window.requests))
    c.header('ratelimit-reset', String(resetS))
    if (isAbove) {
      throw new AppError(
        'too_many_requests',
        `This API key has made ${perMinute} requests within a minute, which is its limit. Nothing was done: retry later.`,
        { retryAfterS: resetS },
      )
    }
    await next()
  }
}
