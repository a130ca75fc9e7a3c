import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ClientOptions, createClient } from '../../../../sidecar/cli/transfer/client.ts'
import { connectionOptions } from '../../../../sidecar/cli/transfer/connection-options.ts'
import { CliError } from '../../../../sidecar/cli/transfer/input/cli-error.ts'

type ScriptedAnswer =
  | { status: number; body?: unknown; headers?: Record<string, string> }
  | 'hang up'
  | 'never'

/** Starts a server that returns these answers in order and then repeats the last one. */
async function startServer(answers: readonly ScriptedAnswer[], options: Partial<ClientOptions> = {}) {
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
    requestTimeoutMs: 5000,
    onWait: (ms, reason) => waits.push(`${ms} ${reason}`),
    ...options,
  })
  return { client, seen, waits, url }
}

const retryNow = { 'retry-after': '0' }
const errorBody = (message: string) => ({ error: { code: 'x', message, request_id: 'r' } })

describe('post', () => {
  it('retries after Retry-After with the same idempotency key while the sidecar is busy', async () => {
    const { client, seen, waits } = await startServer([
      { status: 429, headers: retryNow, body: errorBody('too many') },
      { status: 503, headers: retryNow },
      { status: 200, body: { status: 'stored' } },
    ])
    expect(await client.post('/v1/memories', {}, 'k')).toEqual({ ok: true, body: { status: 'stored' } })
    expect(seen.map(({ idempotency }) => idempotency)).toEqual(['k', 'k', 'k'])
    expect(waits).toEqual(['0 too many', '0 status 503'])
  })

  it('retries when the connection breaks and gives up after maxWaitMs', async () => {
    const { client, seen } = await startServer(['hang up'], { maxWaitMs: 600 })
    await expect(client.post('/v1/memories', {})).rejects.toThrow(/^Gave up after waiting 1 s for http.*: /)
    expect(seen).toHaveLength(2)
  })

  it('times out', async () => {
    const { client } = await startServer(['never'], { requestTimeoutMs: 50, maxWaitMs: 0 })
    await expect(client.post('/v1/memories', {})).rejects.toThrow('request timed out')
  })

  it('does not retry a 400', async () => {
    const { client, seen } = await startServer([{ status: 400, body: errorBody('user_id: expected') }])
    expect(await client.post('/v1/memories', {})).toEqual({
      ok: false,
      status: 400,
      reason: 'user_id: expected',
    })
    expect(seen).toHaveLength(1)
  })

  it('treats a third 500 as a rejection of the request', async () => {
    const { client, seen } = await startServer([
      { status: 500, headers: retryNow, body: errorBody('inside') },
    ])
    expect(await client.post('/v1/memories', {})).toEqual({ ok: false, status: 500, reason: 'inside' })
    expect(seen).toHaveLength(3)
  })

  it('throws CliError when the key is rejected', async () => {
    const { client, seen } = await startServer([{ status: 401, body: errorBody('unknown key') }], {
      key: 'secret',
    })
    await expect(client.post('/v1/memories', {})).rejects.toThrow(CliError)
    expect(seen.map(({ key }) => key)).toEqual(['Bearer secret'])
  })
})

describe('checkConnection', () => {
  it('accepts a sidecar', async () => {
    const { client } = await startServer([{ status: 200, body: { service: 'hippocache' } }])
    await expect(client.checkConnection()).resolves.toBeUndefined()
  })

  it.each<[string, ScriptedAnswer, string]>([
    ['a wrong key', { status: 401, body: errorBody('the key is unknown') }, 'rejects requests without a key'],
    ['another service', { status: 200, body: { hello: 'world' } }, 'is not a Hippocache sidecar'],
    ['no server', 'hang up', 'No sidecar answers at'],
  ])('reports %s', async (_, answer, message) => {
    const { client } = await startServer([answer])
    await expect(client.checkConnection()).rejects.toThrow(message)
  })
})

describe('connectionOptions', () => {
  it('prefers the options to the settings of the environment', () => {
    expect(connectionOptions({}, {})).toEqual({ url: 'http://127.0.0.1:8484', key: undefined })
    const env = { PORT: '9000', API_KEYS: 'dify:0123456789abcdef' }
    expect(connectionOptions({}, env)).toEqual({ url: 'http://127.0.0.1:9000', key: '0123456789abcdef' })
    expect(connectionOptions({ url: 'https://x', key: 'k' }, env)).toEqual({ url: 'https://x', key: 'k' })
  })

  it('returns no key if API_KEYS holds several keys or only a hash', () => {
    for (const keys of ['a:0123456789abcdef,b:0123456789abcdeg', `a:sha256:${'0'.repeat(64)}`]) {
      expect(connectionOptions({}, { API_KEYS: keys }).key).toBeUndefined()
    }
  })

  it('rejects an invalid address', () => {
    expect(() => connectionOptions({ url: 'localhost:8484' }, {})).toThrow('--url: expected an address')
  })
})
