import { Agent, request } from 'node:http'

export interface Arrival {
  url: string
  body: unknown
  /** Milliseconds from the beginning at which it arrives, whatever has become of those before. */
  at: number
  /** Told of the answer: how long after its arrival it came (queueing counts), and the status. */
  done: (tookMs: number, status: number) => void
}

/**
 * Sends requests at the times at which they are to arrive (an open loop): a server that falls behind is asked all the
 * same, and what waits for it counts. Rejects where a request has no answer in `deadlineMs`.
 */
export async function send(
  arrivals: readonly Arrival[],
  { connections = 256, deadlineMs = 30_000 } = {},
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const begun = performance.now()
  const running: Promise<void>[] = []
  for (const arrival of [...arrivals].sort((a, b) => a.at - b.at)) {
    const wait = begun + arrival.at - performance.now()
    // Timers of Node are of whole milliseconds; what is later by less is sent at once.
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    running.push(post(agent, arrival, begun, deadlineMs))
  }
  await Promise.all(running)
  agent.destroy()
}

async function post(agent: Agent, { url, body, at, done }: Arrival, begun: number, deadlineMs: number) {
  const payload = JSON.stringify(body)
  // One that could not be sent in time because this process was late does not count against the server.
  const arrived = Math.max(begun + at, performance.now())
  await new Promise<void>((resolve, reject) => {
    const outgoing = request(
      url,
      {
        agent,
        method: 'POST',
        timeout: deadlineMs,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) },
      },
      (incoming) => {
        incoming.resume()
        incoming.on('error', reject)
        incoming.on('end', () => {
          done(performance.now() - arrived, incoming.statusCode ?? 0)
          resolve()
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${url}: no answer in ${deadlineMs} ms`)))
    outgoing.end(payload)
  })
}
