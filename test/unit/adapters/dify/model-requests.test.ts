import { describe, expect, it } from 'vitest'
import {
  ANNOUNCED_MS,
  createModelRequests,
  EMBED_MS,
  MAX_REQUESTS,
  PICKUP_MS,
  RECHECK_MS,
} from '../../../../sidecar/adapters/dify/model-requests.ts'
import type { ModelClient } from '../../../../sidecar/ports/language-model.ts'

const ANSWER = { text: 'hi', finish: 'stop', vectors: [], model: 'm', tokensIn: 2, tokensOut: 1 } as const
const REQUEST = {
  kind: 'completion',
  messages: [{ role: 'user', content: 'hello' }],
  maxOutputTokens: 10,
} as const
const TEXTS = { kind: 'document', texts: ['hello'] } as const
const QUERY = { kind: 'query', texts: ['hello?'] } as const
const ANSWER_MS = 60_000
const EMBEDS: ModelClient['takes'] = ['query', 'document']

function subject() {
  const timers = new Map<number, { ms: number; run: () => void }>()
  let last = 0
  let time = 0
  const start = ((run: () => void, ms: number) => {
    timers.set(++last, { run, ms })
    return last
  }) as unknown
  const stop = ((id: number) => timers.delete(id)) as unknown as typeof clearTimeout
  const requests = createModelRequests({
    namespaceOf: (scope) => scope.split('/')[0] as string,
    answerMs: ANSWER_MS,
    embedding: { model: 'e5', dimensions: 2 },
    now: () => time,
    timers: {
      setTimeout: start as typeof setTimeout,
      setInterval: start as typeof setInterval,
      ...{ clearTimeout: stop, clearInterval: stop },
    },
  })
  const { signal } = new AbortController()
  const expire = (only?: number) =>
    [...timers.values()]
      .filter(({ ms }) => only === undefined || ms === only)
      .forEach(({ run }) => void run())
  const client = (scope: string, takes: ModelClient['takes'] = ['completion'], id = scope) => ({
    id,
    scope,
    takes,
  })
  return {
    requests,
    client,
    /** The delays of the timers that run. */
    delays: () => [...timers.values()].map(({ ms }) => ms),
    expire,
    advance: (ms: number) => {
      time += ms
    },
    take: (waitMs = 0, scope = 'a/ada', by = signal) => requests.take(client(scope), waitMs, by),
    embedding: (waitMs = 0, scope = 'a/ada', takes = EMBEDS) =>
      requests.take(client(scope, takes), waitMs, signal),
  }
}

describe('model requests', () => {
  it('hands a request to one client of its namespace, and resolves with its answer', async () => {
    const { requests, take, delays } = subject()
    const running = requests.run('a/ada', REQUEST)
    expect(await take(0, 'b/ada')).toBeUndefined()
    const taken = await take(0, 'a/bob')
    expect(taken).toEqual({ id: expect.any(String), ...REQUEST })
    expect(await take()).toBeUndefined()
    const id = taken?.id ?? ''
    expect(requests.answer('b/ada', id, ANSWER)).toBe(false)
    expect(requests.answer('a/ada', id, ANSWER)).toBe(true)
    expect(await running).toEqual(ANSWER)
    expect(requests.answer('a/ada', id, ANSWER)).toBe(false)
    expect(delays()).toEqual([])
  })

  it('gives a new request to a client that waits, and each of two to its own', async () => {
    const { requests, take, delays } = subject()
    const takers = [take(1000), take(1000, 'a/bob'), take(1000, 'b/ada')]
    const running = [requests.run('a/bob', REQUEST), requests.run('a/ada', REQUEST)]
    const [first, second] = await Promise.all(takers.slice(0, 2))
    expect(first?.id).not.toBe(second?.id)
    requests.answer('a/ada', second?.id ?? '', { ...ANSWER, text: 'for bob' })
    requests.answer('a/ada', first?.id ?? '', { ...ANSWER, text: 'for ada' })
    expect((await Promise.all(running)).map(({ text }) => text)).toEqual(['for bob', 'for ada'])
    expect(delays()).toEqual([1000, RECHECK_MS])
  })

  it('rejects when no client takes the request, or when the client does not answer', async () => {
    const { requests, take, delays, expire } = subject()
    const unwanted = requests.run('a/ada', REQUEST)
    expect(delays()).toEqual([PICKUP_MS.completion])
    expire()
    await expect(unwanted).rejects.toMatchObject({ reason: 'unreachable' })
    const running = requests.run('a/ada', REQUEST)
    const taken = await take()
    expect(delays()).toEqual([ANSWER_MS])
    expire()
    await expect(running).rejects.toMatchObject({ reason: 'timeout' })
    expect(requests.answer('a/ada', taken?.id ?? '', ANSWER)).toBe(false)
  })

  it("rejects with Dify's error, above the limit of waiting requests, and when aborted", async () => {
    const { requests, take } = subject()
    const failing = requests.run('a/ada', REQUEST)
    requests.answer('a/ada', (await take())?.id ?? '', { error: 'quota exceeded' })
    await expect(failing).rejects.toMatchObject({ reason: 'server_error', message: 'Dify: quota exceeded' })
    const stop = new AbortController()
    const waiting = Array.from({ length: MAX_REQUESTS }, () => requests.run('a/ada', REQUEST, stop.signal))
    await expect(requests.run('b/ada', REQUEST)).rejects.toMatchObject({ reason: 'rate_limited' })
    stop.abort(new Error('closing'))
    for (const one of await Promise.allSettled(waiting)) expect(one.status).toBe('rejected')
    expect(await take()).toBeUndefined()
  })

  it('a client that disconnects while it waits takes no request', async () => {
    const { requests, take } = subject()
    const gone = new AbortController()
    const taking = take(1000, 'a/ada', gone.signal)
    gone.abort()
    expect(await taking).toBeUndefined()
    const running = requests.run('a/ada', REQUEST)
    requests.answer('a/ada', (await take())?.id ?? '', ANSWER)
    await running
  })

  it("ends a client's waiting call with its next one", async () => {
    const { requests, take, client } = subject()
    const { signal } = new AbortController()
    const waiting = take(1000)
    const other = take(1000, 'a/bob')
    expect(await requests.take(client('a/ada', []), 0, signal)).toBeUndefined()
    expect(await waiting).toBeUndefined()
    const running = requests.run('a/ada', REQUEST)
    requests.answer('a/bob', (await other)?.id ?? '', ANSWER)
    await running
  })

  it('lets a waiting client go when its request is not expected any more', async () => {
    const { requests, client, expire } = subject()
    let isExpected = true
    const { signal } = new AbortController()
    const taking = requests.take(client('a/ada'), 1000, signal, () => isExpected)
    expire(RECHECK_MS)
    isExpected = false
    expire(RECHECK_MS)
    expect(await taking).toBeUndefined()
  })
})

describe('texts to embed', () => {
  it('are rejected at once unless a client of the namespace that embeds them is there', async () => {
    const { requests, take, embedding, delays } = subject()
    const absent = { reason: 'unreachable', message: expect.stringContaining('embedding model e5') }
    await expect(requests.run('a/ada', TEXTS)).rejects.toMatchObject(absent)
    const others = [take(1000), embedding(1000, 'b/ada'), embedding(1000, 'a/ada', ['query'])]
    await expect(requests.run('a/ada', TEXTS)).rejects.toMatchObject(absent)
    expect(requests.isReachable('a/ada', 'query')).toBe(true)
    // It ends with the recall of its own user.
    expect(requests.isReachable('a/bob', 'query')).toBe(false)
    const waiting = embedding(1000, 'a/bob')
    const running = requests.run('a/ada', TEXTS)
    const taken = await waiting
    expect(taken).toEqual({ id: expect.any(String), ...TEXTS })
    expect(delays()).toContain(EMBED_MS)
    requests.answer('a/bob', taken?.id ?? '', { ...ANSWER, vectors: [[1]] })
    expect((await running).vectors).toEqual([[1]])
    void others
  })

  it('wait for a client that runs another request, or has announced itself a moment ago', async () => {
    const { requests, client, embedding, advance, expire } = subject()
    requests.announce(client('a/ada', EMBEDS))
    const first = requests.run('a/ada', QUERY)
    const taken = await embedding()
    const second = requests.run('a/ada', TEXTS)
    requests.answer('a/ada', taken?.id ?? '', ANSWER)
    const next = await embedding()
    expect(next).toMatchObject(TEXTS)
    requests.answer('a/ada', next?.id ?? '', ANSWER)
    await Promise.all([first, second])
    // It asked, so the announcement has ended.
    expect(requests.isReachable('a/ada', 'query')).toBe(false)
    requests.announce(client('a/ada', EMBEDS))
    advance(ANNOUNCED_MS - 1)
    const late = requests.run('a/ada', QUERY)
    expire(PICKUP_MS.query)
    await expect(late).rejects.toMatchObject({ reason: 'unreachable' })
    advance(1)
    expect(requests.isReachable('a/ada', 'query')).toBe(false)
  })

  it('are handed out for the user of the client first', async () => {
    const { requests, client, embedding } = subject()
    requests.announce(client('a/eve', EMBEDS))
    const running = ['bob', 'ada'].map((user) =>
      requests.run(`a/${user}`, { ...QUERY, texts: [user] }).catch(() => {}),
    )
    expect(await embedding(0, 'a/ada')).toMatchObject({ texts: ['ada'] })
    expect(await embedding(0, 'a/ada')).toMatchObject({ texts: ['bob'] })
    void running
  })

  it('are left to a client of their user that waits or has announced itself', async () => {
    const { requests, client, embedding, advance, expire } = subject()
    requests.announce(client('a/ada', EMBEDS))
    const running = requests.run('a/ada', QUERY).catch(() => {})
    const waiting = embedding(1000, 'a/bob')
    expire(RECHECK_MS)
    // It has not asked.
    advance(ANNOUNCED_MS)
    expire(RECHECK_MS)
    expect(await waiting).toMatchObject(QUERY)
    const [bob, ada] = [embedding(1000, 'a/bob'), embedding(1000, 'a/ada')]
    const second = requests.run('a/ada', TEXTS).catch(() => {})
    expect(await ada).toMatchObject(TEXTS)
    void [running, bob, second]
  })
})
