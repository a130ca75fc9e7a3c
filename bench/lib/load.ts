import { openConnection, type Request, serializeRequest } from './connection.ts'

export interface LoadResult {
  /** Latency of each request in milliseconds, in the order of the answers. */
  tookMs: number[]
  /** Answered requests per second over all connections. */
  perSecond: number
}

/**
 * Sends requests round-robin over keep-alive connections, each with one request in flight (a closed loop).
 *
 * @throws {Error} on any status but 200
 */
export async function sendAll(
  baseUrl: string,
  all: readonly Request[],
  { requests, connections }: { requests: number; connections: number },
): Promise<LoadResult> {
  const messages = all.map((request) => serializeRequest(baseUrl, request))
  const tookMs: number[] = []
  let sent = 0
  const next = () => messages[sent++ % messages.length] as string
  const opened = await Promise.all(Array.from({ length: connections }, () => openConnection(baseUrl)))
  const started = performance.now()
  await Promise.all(
    opened.map(async (connection) => {
      while (sent < requests) {
        const before = performance.now()
        const status = await connection.send(next())
        tookMs.push(performance.now() - before)
        if (status !== 200) throw new Error(`status: expected 200, got ${status}`)
      }
      connection.close()
    }),
  )
  return { tookMs, perSecond: (tookMs.length / (performance.now() - started)) * 1000 }
}
