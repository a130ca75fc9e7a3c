import pTimeout from 'p-timeout'
import { type Connection, openConnection, serializeRequest } from '../lib/connection.ts'

export interface Arrival {
  baseUrl: string
  path: string
  body: unknown
  /** When to send, milliseconds after the start, regardless of unanswered requests. */
  atMs: number
  /** Receives the latency, including the time queued in the server, and the status. */
  onAnswer: (tookMs: number, status: number) => void
}

/** Connections that are opened before the first arrival; more are opened while all are in use. */
const INITIAL_CONNECTIONS = 32

/**
 * Sends requests at fixed times (an open loop): a server that falls behind still receives new requests, and the time
 * they wait counts. Rejects if a request gets no answer within `deadlineMs`.
 */
export async function sendOpenLoop(
  arrivals: readonly Arrival[],
  { deadlineMs = 30_000 } = {},
): Promise<void> {
  const pools = new Map<string, Connection[]>()
  for (const { baseUrl } of arrivals) pools.set(baseUrl, [])
  for (const [baseUrl, pool] of pools) {
    const opened = Array.from({ length: INITIAL_CONNECTIONS }, () => openConnection(baseUrl))
    pool.push(...(await Promise.all(opened)))
  }
  const scheduled = arrivals
    .toSorted((a, b) => a.atMs - b.atMs)
    .map((arrival) => ({
      ...arrival,
      message: serializeRequest(arrival.baseUrl, { path: arrival.path, body: JSON.stringify(arrival.body) }),
      pool: pools.get(arrival.baseUrl) as Connection[],
    }))
  const started = performance.now()
  const inFlight: Promise<void>[] = []
  for (const { baseUrl, message, pool, atMs, onAnswer } of scheduled) {
    const waitMs = started + atMs - performance.now()
    // Node's timers have a resolution of 1 ms; shorter waits send at once.
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs))
    inFlight.push(
      (async () => {
        const sent = performance.now()
        const connection = takeOpen(pool) ?? (await openConnection(baseUrl))
        const status = await pTimeout(connection.send(message), { milliseconds: deadlineMs })
        onAnswer(performance.now() - sent, status)
        pool.push(connection)
      })(),
    )
  }
  await Promise.all(inFlight)
  for (const pool of pools.values()) for (const connection of pool) connection.close()
}

function takeOpen(pool: Connection[]): Connection | undefined {
  for (let connection = pool.pop(); connection; connection = pool.pop()) {
    if (connection.isOpen) return connection
  }
  return undefined
}
