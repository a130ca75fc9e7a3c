import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { oneAtATime } from './one-at-a-time.ts'

/** Time for a whole request to arrive, milliseconds. */
const REQUEST_TIMEOUT_MS = 60_000
/** Interval of the check for late requests, milliseconds. */
const CHECK_INTERVAL_MS = 5_000

/** @param fetch answers a request */
export function createHttpServer(fetch: Parameters<typeof getRequestListener>[0]): Server {
  const options = { requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS }
  return createServer(options, oneAtATime(getRequestListener(fetch)))
}
