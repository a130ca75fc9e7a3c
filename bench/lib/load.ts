import { messageOf, openConnection, type Request } from './connection.ts'

export interface Load {
  /** Milliseconds of each request, in the order of the answers. */
  tookMs: number[]
  /** Requests answered in a second, all connections together. */
  perSecond: number
}

/**
 * Asks requests over connections that are kept, each with one request under way: as fast as they are answered.
 * @param all asked in turn
 */
export async function load(
  baseUrl: string,
  all: readonly Request[],
  { requests, connections }: { requests: number; connections: number },
): Promise<Load> {
  const messages = all.map((one) => messageOf(baseUrl, one))
  const tookMs: number[] = []
  let asked = 0
  const next = () => messages[asked++ % messages.length] as string
  const opened = await Promise.all(Array.from({ length: connections }, () => openConnection(baseUrl)))
  const started = performance.now()
  await Promise.all(
    opened.map(async (connection) => {
      while (asked < requests) {
        const before = performance.now()
        const status = await connection.ask(next())
        tookMs.push(performance.now() - before)
        if (status !== 200) throw new Error(`expected status 200, got ${status}`)
      }
      connection.close()
    }),
  )
  return { tookMs, perSecond: (tookMs.length / (performance.now() - started)) * 1000 }
}
