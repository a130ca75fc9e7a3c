import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { put } from '../../contract/records.ts'
import { type FakeQdrant, type Fault, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

const SCOPE = 'default/ada'
const WHERE = String.raw`qdrant at 127\.0\.0\.1:\d+: `

async function openedOn(server: FakeQdrant, timeoutMs = 5000): Promise<RecordStore> {
  const store = await openOn(server.url, { timeoutMs })
  onTestFinished(() => store.close())
  return store
}

const errorBody = (error: string) => ({ status: { error }, time: 0 })

const FAULTS: { name: string; fault: Fault; words: string; timeoutMs?: number }[] = [
  {
    name: 'a rejected key',
    fault: { status: 401, body: 'Must provide an API key' },
    words: String.raw`the API key was rejected \(401\); set QDRANT_API_KEY`,
  },
  {
    name: 'a key without permission',
    fault: { status: 403, body: errorBody('Forbidden: no') },
    words: String.raw`the API key was rejected \(403\)`,
  },
  { name: 'a busy server', fault: { status: 429 }, words: String.raw`too busy \(429\)` },
  {
    name: 'a busy server with Retry-After',
    fault: { status: 429, headers: { 'retry-after': '1' } },
    words: String.raw`too busy \(429\)`,
    timeoutMs: 1000,
  },
  {
    name: 'a server error',
    fault: { status: 500, body: errorBody('Service internal error: "ada likes tea" is broken') },
    words: String.raw`Service internal error: "…" is broken \(500\)`,
  },
  {
    name: 'a full disk',
    fault: { status: 500, body: errorBody('Service internal error: No space left on device (os error 28)') },
    words: String.raw`Service internal error: No space left on device \(os error 28\) \(500\)`,
  },
  {
    name: 'a connection that is lost within the response body',
    fault: { reply: 'half' },
    words: '(read ECONNRESET|terminated|other side closed|aborted|.*socket)',
  },
  {
    name: 'an error without a message',
    fault: { status: 502, body: '<html>Bad Gateway' },
    words: String.raw`unknown error \(502\)`,
  },
  { name: 'a timeout', fault: { hang: 'before' }, words: 'no response within 1000 ms', timeoutMs: 1000 },
  { name: 'a lost connection', fault: { cut: 'before' }, words: '(other side closed|ECONNRESET|.*socket)' },
  {
    name: 'a server that is not Qdrant',
    fault: { status: 404, body: '404 page not found' },
    words: 'the server is not Qdrant; set QDRANT_URL',
  },
  { name: 'an HTML page', fault: { status: 200, body: '<html>hello' }, words: 'the server is not Qdrant' },
  {
    name: 'truncated JSON',
    fault: { status: 200, body: '{"result":', headers: { 'content-type': 'application/json' } },
    words: 'the server is not Qdrant',
  },
  {
    name: 'JSON without a result',
    fault: { status: 200, body: { hello: 'world' } },
    words: 'the server is not Qdrant',
  },
]

describe('a Qdrant store with a failing server', () => {
  it.each(FAULTS)(
    'reports $name in every call and recovers afterwards',
    async ({ fault, words, timeoutMs }) => {
      await using server = await startFakeQdrant()
      const store = await openedOn(server, timeoutMs)
      await store.commit([put('x')])
      server.fault = () => fault
      const asked = [
        store.get('memories', SCOPE, 'x'),
        store.scroll('memories', SCOPE, { limit: 1 }),
        store.scopes('memories', { limit: 1 }),
        store.check(),
        store.commit([put('y')]),
      ]
      for (const answer of await Promise.all(asked.map((one) => one.catch((error: unknown) => error)))) {
        expect(answer).toMatchObject({
          code: 'backend_unavailable',
          message: expect.stringMatching(WHERE + words),
        })
      }
      await expect(openOn(server.url, { timeoutMs: timeoutMs ?? 5000 })).rejects.toThrow(
        new RegExp(`^QDRANT_URL: ${WHERE}${words}`),
      )
      server.fault = () => undefined
      await store.check()
      expect(await store.get('memories', SCOPE, 'y')).toBeUndefined()
      await store.commit([put('z')])
      expect((await store.scroll('memories', SCOPE, { limit: 5 })).map(({ id }) => id)).toEqual(['x', 'z'])
    },
  )

  it('retries a transient failure at most twice, and a rejection never', async () => {
    await using server = await startFakeQdrant()
    const store = await openedOn(server)
    const first = server.requests.length
    server.fault = () => (server.requests.length - first <= 2 ? { status: 503 } : undefined)
    await store.check()
    expect(server.requests.length - first).toBe(3)
    server.fault = () => ({ status: 503 })
    await expect(store.check()).rejects.toThrow(/503/)
    expect(server.requests.length - first).toBe(6)
    server.fault = () => ({ status: 400 })
    await expect(store.check()).rejects.toThrow(/400/)
    expect(server.requests.length - first).toBe(7)
  })

  it('repeats a write that the server did not complete in time', async () => {
    await using server = await startFakeQdrant()
    const store = await openedOn(server)
    const first = server.requests.length
    const body = { result: [{ operation_id: 1, status: 'wait_timeout' }], status: 'ok', time: 1 }
    server.fault = () => (server.requests.length - first <= 2 ? { status: 200, body } : undefined)
    await store.commit([put('x')])
    expect(await store.get('memories', SCOPE, 'x')).toBeDefined()
  })
})

describe('a Qdrant store', () => {
  it('rejects at the start if the server is unreachable, or waits for startupTimeoutMs', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    await expect(openOn(url)).rejects.toThrow(`QDRANT_URL: qdrant at 127.0.0.1:${port}: connect ECONNREFUSED`)
    const messages: string[] = []
    const opening = openOn(url, { startupTimeoutMs: 20_000, onError: (message) => messages.push(message) })
    await using server = await startFakeQdrant({ port })
    const store = await opening
    await store.commit([put('x')])
    expect(server.requests.length).toBeGreaterThan(0)
    for (const message of messages) expect(message).toMatch(/ECONNREFUSED.*; retrying$/)
    await store.close()
  })

  it('sends its key and never shows it in an error', async () => {
    await using server = await startFakeQdrant({ apiKey: 'hunter2-hunter2' })
    const startup = { startupTimeoutMs: 20_000 }
    await expect(openOn(server.url, startup)).rejects.toThrow(/rejected \(401\)/)
    const wrong = await openOn(server.url, { ...startup, apiKey: 'swordfish' }).catch((error) => error)
    expect(String(wrong)).toMatch(/rejected \(401\)/)
    expect(String(wrong)).not.toContain('swordfish')
    const store = await openOn(server.url, { apiKey: 'hunter2-hunter2' })
    await store.check()
    await store.close()
  })

  it('uses the path of the URL, as behind a proxy', async () => {
    await using server = await startFakeQdrant()
    await openOn(`${server.url}/qdrant/`).catch(() => {})
    expect(server.requests[0]?.path).toBe('/qdrant/collections')
    server.violations.length = 0
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
