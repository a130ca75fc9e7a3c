import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { oneAtATime } from './one-at-a-time.ts'

/** Time for a whole request to arrive, milliseconds. */
const REQUEST_TIMEOUT_MS = 60_000
/** Interval of the check for late requests, milliseconds. */
const CHECK_INTERVAL_MS = 5_000

/**
 * Time that an idle connection stays open, milliseconds: longer than clients keep one in their pools (httpx: 5 s), because
 * a request on a connection that is being closed fails.
 */
const KEEP_ALIVE_MS = 75_000

/** @param fetch answers a request */
export function createHttpServer(fetch: Parameters<typeof getRequestListener>[0]): Server {
  const options = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  }
  return createServer(options, oneAtATime(getRequestListener(fetch)))
}
