import { describe, expect, it } from 'vitest'
import {
  createModelRequests,
  MAX_REQUESTS,
  PICKUP_MS,
} from '../../../../sidecar/adapters/dify/model-requests.ts'

const ANSWER = { text: 'hi', finish: 'stop', model: 'm', tokensIn: 2, tokensOut: 1 } as const
const REQUEST = { messages: [{ role: 'user', content: 'hello' }], maxOutputTokens: 10 } as const
const ANSWER_MS = 60_000

function subject() {
  const timers = new Map<number, { ms: number; run: () => void }>()
  let last = 0
  const requests = createModelRequests({
    answerMs: ANSWER_MS,
    timers: {
      setTimeout: ((run: () => void, ms: number) => {
        timers.set(++last, { run, ms })
        return last
      }) as unknown as typeof setTimeout,
      clearTimeout: ((id: number) => timers.delete(id)) as unknown as typeof clearTimeout,
    },
  })
  const { signal } = new AbortController()
  return {
    requests,
    /** The delays of the timers that run. */
    delays: () => [...timers.values()].map(({ ms }) => ms),
    expire: () => [...timers.values()].forEach(({ run }) => void run()),
    take: (waitMs = 0, namespace = 'a', by = signal) => requests.take(namespace, waitMs, by),
  }
}

describe('model requests', () => {
  it('hands a request to one client of its namespace, and resolves with its answer', async () => {
    const { requests, take, delays } = subject()
    const running = requests.run('a', REQUEST)
    expect(await take(0, 'b')).toBeUndefined()
    const taken = await take()
    expect(taken).toEqual({ id: expect.any(String), ...REQUEST })
    expect(await take()).toBeUndefined()
    const id = taken?.id ?? ''
    expect(requests.answer('b', id, ANSWER)).toBe(false)
    expect(requests.answer('a', id, ANSWER)).toBe(true)
    expect(await running).toEqual({ ...ANSWER, calls: [] })
    expect(requests.answer('a', id, ANSWER)).toBe(false)
    expect(delays()).toEqual([])
  })

  it('gives a new request to a client that waits, and each of two to its own', async () => {
    const { requests, take } = subject()
    const takers = [take(1000), take(1000), take(1000, 'b')]
    const running = [requests.run('a', REQUEST), requests.run('a', REQUEST)]
    const [first, second] = await Promise.all(takers.slice(0, 2))
    expect(first?.id).not.toBe(second?.id)
    for (const taken of [first, second]) requests.answer('a', taken?.id ?? '', ANSWER)
    await Promise.all(running)
  })

  it('rejects when no client takes the request, or when the client does not answer', async () => {
    const { requests, take, delays, expire } = subject()
    const unwanted = requests.run('a', REQUEST)
    expect(delays()).toEqual([PICKUP_MS])
    expire()
    await expect(unwanted).rejects.toMatchObject({ reason: 'unreachable' })
    const running = requests.run('a', REQUEST)
    const taken = await take()
    expect(delays()).toEqual([ANSWER_MS])
    expire()
    await expect(running).rejects.toMatchObject({ reason: 'timeout' })
    expect(requests.answer('a', taken?.id ?? '', ANSWER)).toBe(false)
  })

  it("rejects with Dify's error, above the limit of waiting requests, and when aborted", async () => {
    const { requests, take } = subject()
    const failing = requests.run('a', REQUEST)
    requests.answer('a', (await take())?.id ?? '', { error: 'quota exceeded' })
    await expect(failing).rejects.toMatchObject({ reason: 'server_error', message: 'Dify: quota exceeded' })
    const stop = new AbortController()
    const waiting = Array.from({ length: MAX_REQUESTS }, () => requests.run('a', REQUEST, stop.signal))
    await expect(requests.run('b', REQUEST)).rejects.toMatchObject({ reason: 'rate_limited' })
    stop.abort(new Error('closing'))
    for (const one of await Promise.allSettled(waiting)) expect(one.status).toBe('rejected')
    expect(await take()).toBeUndefined()
  })

  it('a client that disconnects while it waits takes no request', async () => {
    const { requests, take } = subject()
    const gone = new AbortController()
    const taking = take(1000, 'a', gone.signal)
    gone.abort()
    expect(await taking).toBeUndefined()
    const running = requests.run('a', REQUEST)
    requests.answer('a', (await take())?.id ?? '', ANSWER)
    await running
  })
})
