import { type Connection, messageOf, openConnection } from '../lib/connection.ts'

export interface Arrival {
  /** Where, without the path. */
  baseUrl: string
  path: string
  body: unknown
  /** Milliseconds from the beginning at which it arrives, whatever has become of those before. */
  at: number
  /** Told of the answer: how long after it was sent that came (queueing in the server counts), and the status. */
  done: (tookMs: number, status: number) => void
}

/** Connections that are there before the first arrival; more are opened where all are in use. */
const CONNECTIONS = 32

/**
 * Sends requests at the times at which they are to arrive (an open loop): a server that falls behind is asked all the
 * same, and what waits for it counts. Rejects where a request has no answer in `deadlineMs`.
 */
export async function send(arrivals: readonly Arrival[], { deadlineMs = 30_000 } = {}): Promise<void> {
  const pools = new Map<string, Connection[]>()
  for (const { baseUrl } of arrivals) pools.set(baseUrl, [])
  for (const [baseUrl, pool] of pools) {
    pool.push(...(await Promise.all(Array.from({ length: CONNECTIONS }, () => openConnection(baseUrl)))))
  }
  const inOrder = [...arrivals]
    .sort((a, b) => a.at - b.at)
    .map((arrival) => ({
      ...arrival,
      message: messageOf(arrival.baseUrl, { path: arrival.path, body: JSON.stringify(arrival.body) }),
      pool: pools.get(arrival.baseUrl) as Connection[],
    }))
  const begun = performance.now()
  const running: Promise<void>[] = []
  for (const { baseUrl, message, pool, at, done } of inOrder) {
    const wait = begun + at - performance.now()
    // Timers of Node are of whole milliseconds; what is later by less is sent at once.
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    running.push(
      (async () => {
        const sent = performance.now()
        const connection = idleOf(pool) ?? (await openConnection(baseUrl))
        const status = await within(deadlineMs, connection.ask(message))
        done(performance.now() - sent, status)
        pool.push(connection)
      })(),
    )
  }
  await Promise.all(running)
  for (const pool of pools.values()) for (const connection of pool) connection.close()
}

function idleOf(pool: Connection[]): Connection | undefined {
  for (let one = pool.pop(); one; one = pool.pop()) if (one.isOpen) return one
  return undefined
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
