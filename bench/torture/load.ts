import { setTimeout } from 'node:timers/promises'
import { turnText } from '../add/parcels.ts'
import { postJson } from '../add/remembered.ts'

export interface LoadOptions {
  /** Of the sidecar, which changes with a restart. */
  url: () => string
  users: readonly string[]
  /** Turns per second. */
  rate: number
}

/** A recall for so many turns. */
const TURNS_PER_RECALL = 5
/** Attempts to send a turn, and the pause between them, milliseconds. */
const ATTEMPTS = 4
const RETRY_MS = 500
/** A client gives up after this time, milliseconds. */
const CLIENT_TIMEOUT_MS = 30_000
/** Requests in flight; above it the load waits, as a client with a bounded pool does. */
const MAX_IN_FLIGHT = 512

/** Sends turns at a fixed rate, and recalls between them. A turn without an acknowledgement is sent again. */
export function createLoad({ url, users, rate }: LoadOptions) {
  const acknowledged = new Set<number>()
  const recallMs: number[] = []
  const refused = new Map<string, number>()
  const inFlight = new Set<Promise<void>>()
  let sent = 0

  async function post(path: string, body: object): Promise<number> {
    const answer = await Promise.race([
      postJson(`${url()}${path}`, body),
      setTimeout(CLIENT_TIMEOUT_MS, undefined, { ref: false }),
    ])
    if (!answer) throw new Error(`no answer within ${CLIENT_TIMEOUT_MS} ms`)
    await answer.arrayBuffer()
    return answer.status
  }

  async function addTurn(i: number): Promise<void> {
    const user = i % users.length
    const body = {
      user_id: users[user],
      conversation_id: 'c',
      turn: Math.floor(i / users.length) + 1,
      messages: [{ role: 'user', content: turnText(i) }],
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const status = await post('/v1/memories', body).catch((error: Error) => error.message)
      if (status === 200 || status === 202) return void acknowledged.add(i)
      refused.set(String(status), (refused.get(String(status)) ?? 0) + 1)
      await setTimeout(RETRY_MS)
    }
  }

  async function recall(i: number): Promise<void> {
    const started = performance.now()
    const query = `Where is parcel${i}x?`
    const status = await post('/v1/recall', { user_id: users[i % users.length], query }).catch(() => 0)
    // A sidecar that was killed answers nothing.
    if (status !== 0) recallMs.push(performance.now() - started)
    if (status >= 500) refused.set(`recall ${status}`, (refused.get(`recall ${status}`) ?? 0) + 1)
  }

  function start(task: Promise<void>): void {
    inFlight.add(task)
    void task.finally(() => inFlight.delete(task))
  }

  return {
    acknowledged,
    refused,
    get sent() {
      return sent
    },
    /** Latencies since the last call, milliseconds. */
    takeRecalls: () => recallMs.splice(0),
    /** @param withTurns false: only recalls, at the same rate */
    async run(seconds: number, withTurns = true): Promise<void> {
      const started = performance.now()
      const count = Math.ceil(seconds * rate)
      for (let i = 0; i < count; i++) {
        const waitMs = started + (i * 1000) / rate - performance.now()
        if (waitMs > 1) await setTimeout(waitMs)
        while (inFlight.size >= MAX_IN_FLIGHT) await Promise.race(inFlight)
        if (i % TURNS_PER_RECALL === 0) start(recall(i % Math.max(1, sent)))
        if (withTurns) start(addTurn(sent++))
      }
    },
    finish: async () => void (await Promise.all(inFlight)),
  }
}
