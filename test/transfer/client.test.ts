import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CannotGoOn, type ClientOptions, createClient } from '../../sidecar/transfer/client.ts'
import { targetOf } from '../../sidecar/transfer/target.ts'

type Scripted = { status: number; body?: unknown; headers?: Record<string, string> } | 'hang up' | 'never'

/** A server that answers as scripted, the last answer again and again. */
async function scripted(answers: readonly Scripted[], options: Partial<ClientOptions> = {}) {
  const seen: { key: string | undefined; idempotency: string | undefined }[] = []
  const server = createServer((incoming, outgoing) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)]
    const { authorization, 'idempotency-key': idempotency } = incoming.headers
    seen.push({ key: authorization, idempotency: idempotency as string | undefined })
    if (answer === 'hang up') incoming.socket.destroy()
    else if (answer !== undefined && answer !== 'never') {
      outgoing.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      outgoing.end(JSON.stringify(answer.body ?? {}))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const waits: string[] = []
  const client = createClient({
    url,
    key: undefined,
    deadlineMs: 5000,
    onWait: (ms, reason) => waits.push(`${ms} ${reason}`),
    ...options,
  })
  return { client, seen, waits, url }
}

const soon = { 'retry-after': '0' }
const problem = (message: string) => ({ error: { code: 'x', message, request_id: 'r' } })

describe('a call', () => {
  it('is tried again while the sidecar is busy, with the same idempotency key, as it says when', async () => {
    const { client, seen, waits } = await scripted([
      { status: 429, headers: soon, body: problem('too many') },
      { status: 503, headers: soon },
      { status: 200, body: { status: 'stored' } },
    ])
    expect(await client.post('/v1/memories', {}, 'k')).toEqual({ ok: true, body: { status: 'stored' } })
    expect(seen.map(({ idempotency }) => idempotency)).toEqual(['k', 'k', 'k'])
    expect(waits).toEqual(['0 too many', '0 status 503'])
  })

  it('is tried again when the connection breaks, and given up in the end', async () => {
    const { client, seen } = await scripted(['hang up'], { patienceMs: 600 })
    await expect(client.post('/v1/memories', {})).rejects.toThrow(
      /^Gave up after 1 s of waiting for http.*: /,
    )
    expect(seen).toHaveLength(2)
  })

  it('has a deadline', async () => {
    const { client } = await scripted(['never'], { deadlineMs: 50, patienceMs: 0 })
    await expect(client.post('/v1/memories', {})).rejects.toThrow('no answer in time')
  })

  it('that is the fault of the request is not tried again', async () => {
    const { client, seen } = await scripted([{ status: 400, body: problem('user_id: expected') }])
    expect(await client.post('/v1/memories', {})).toEqual({
      ok: false,
      status: 400,
      reason: 'user_id: expected',
    })
    expect(seen).toHaveLength(1)
  })

  it('that breaks the sidecar is tried three times, and then taken for its own fault', async () => {
    const { client, seen } = await scripted([{ status: 500, headers: soon, body: problem('inside') }])
    expect(await client.post('/v1/memories', {})).toEqual({ ok: false, status: 500, reason: 'inside' })
    expect(seen).toHaveLength(3)
  })

  it('with a key that is refused ends it', async () => {
    const { client, seen } = await scripted([{ status: 401, body: problem('not known here') }], {
      key: 'secret',
    })
    await expect(client.post('/v1/memories', {})).rejects.toThrow(CannotGoOn)
    expect(seen.map(({ key }) => key)).toEqual(['Bearer secret'])
  })
})

describe('a greeting', () => {
  it('is answered by a sidecar', async () => {
    const { client } = await scripted([{ status: 200, body: { service: 'hippocache' } }])
    await expect(client.greet()).resolves.toBeUndefined()
  })

  it.each<[string, Scripted, string]>([
    [
      'a wrong key',
      { status: 401, body: problem('the key is not known here') },
      'refuses calls without a key',
    ],
    ['another service', { status: 200, body: { hello: 'world' } }, 'is no Hippocache sidecar'],
    ['nobody', 'hang up', 'No sidecar answers at'],
  ])('of %s says so', async (_, answer, message) => {
    const { client } = await scripted([answer])
    await expect(client.greet()).rejects.toThrow(message)
  })
})

describe('the target', () => {
  it('is what the options say, else the sidecar of this folder', () => {
    expect(targetOf({}, {})).toEqual({ url: 'http://127.0.0.1:8484', key: undefined })
    const env = { PORT: '9000', API_KEYS: 'dify:0123456789abcdef' }
    expect(targetOf({}, env)).toEqual({ url: 'http://127.0.0.1:9000', key: '0123456789abcdef' })
    expect(targetOf({ url: 'https://x', key: 'k' }, env)).toEqual({ url: 'https://x', key: 'k' })
  })

  it('takes no key where there are several, or where only its hash is known', () => {
    for (const keys of ['a:0123456789abcdef,b:0123456789abcdeg', `a:sha256:${'0'.repeat(64)}`]) {
      expect(targetOf({}, { API_KEYS: keys }).key).toBeUndefined()
    }
  })

  it('that is no address is refused', () => {
    expect(() => targetOf({ url: 'localhost:8484' }, {})).toThrow('--url: expected an address')
  })
})
