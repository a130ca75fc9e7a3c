import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { METHOD_NAME_ALL } from 'hono/router'
import type { AppEnv } from '../routes/env.ts'
import { OTHER } from './labels.ts'
import type { Metrics } from './metrics.ts'

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])

/** Counts requests by the pattern of their route; what no route is for is `none`. */
export function countRequests({ request }: Pick<Metrics, 'request'>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const started = performance.now()
    await next()
    const { method } = c.req
    // Middleware stands in the list as well, for all methods.
    const route = matchedRoutes(c).find((one) => one.method !== METHOD_NAME_ALL)?.path ?? 'none'
    const seconds = (performance.now() - started) / 1000
    request(METHODS.has(method) ? method : OTHER, route, c.res.status, seconds)
  }
}
