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

const said = (error: string) => ({ status: { error }, time: 0 })

const FAULTS: { name: string; fault: Fault; words: string; timeoutMs?: number }[] = [
  {
    name: 'a key that is refused',
    fault: { status: 401, body: 'Must provide an API key' },
    words: String.raw`the API key was rejected \(401\); set QDRANT_API_KEY`,
  },
  {
    name: 'a key without the right',
    fault: { status: 403, body: said('Forbidden: no') },
    words: String.raw`the API key was rejected \(403\)`,
  },
  { name: 'a busy server', fault: { status: 429 }, words: String.raw`too busy \(429\)` },
  {
    name: 'a busy server that names a time',
    fault: { status: 429, headers: { 'retry-after': '1' } },
    words: String.raw`too busy \(429\)`,
    timeoutMs: 1000,
  },
  {
    name: 'an error of the server',
    fault: { status: 500, body: said('Service internal error: "ada likes tea" is broken') },
    words: String.raw`Service internal error: "…" is broken \(500\)`,
  },
  {
    name: 'a full disk',
    fault: { status: 500, body: said('Service internal error: No space left on device (os error 28)') },
    words: String.raw`Service internal error: No space left on device \(os error 28\) \(500\)`,
  },
  {
    name: 'a reply that breaks off',
    fault: { reply: 'half' },
    words: '(read ECONNRESET|terminated|other side closed|aborted|.*socket)',
  },
  {
    name: 'an error without words',
    fault: { status: 502, body: '<html>Bad Gateway' },
    words: String.raw`unknown error \(502\)`,
  },
  { name: 'no answer', fault: { hang: 'before' }, words: 'no response within 1000 ms', timeoutMs: 1000 },
  { name: 'a lost connection', fault: { cut: 'before' }, words: '(other side closed|ECONNRESET|.*socket)' },
  {
    name: 'another kind of server',
    fault: { status: 404, body: '404 page not found' },
    words: 'the server is not Qdrant; set QDRANT_URL',
  },
  { name: 'a page', fault: { status: 200, body: '<html>hello' }, words: 'the server is not Qdrant' },
  {
    name: 'an answer that is cut short',
    fault: { status: 200, body: '{"result":', headers: { 'content-type': 'application/json' } },
    words: 'the server is not Qdrant',
  },
  {
    name: 'other JSON',
    fault: { status: 200, body: { hello: 'world' } },
    words: 'the server is not Qdrant',
  },
]

describe('a Qdrant store that meets', () => {
  it.each(FAULTS)(
    '$name says so at every call, and recovers by itself',
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

  it('a short trouble asks again, and no more than twice', async () => {
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

  it('a server that stops waiting takes the write for not done', async () => {
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
  it('says at the start that nobody is there, or waits for it where it has the patience', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    await expect(openOn(url)).rejects.toThrow(`QDRANT_URL: qdrant at 127.0.0.1:${port}: connect ECONNREFUSED`)
    const troubles: string[] = []
    const opening = openOn(url, { startupTimeoutMs: 20_000, onError: (message) => troubles.push(message) })
    await using server = await startFakeQdrant({ port })
    const store = await opening
    await store.commit([put('x')])
    expect(server.requests.length).toBeGreaterThan(0)
    for (const trouble of troubles) expect(trouble).toMatch(/ECONNREFUSED.*; retrying$/)
    await store.close()
  })

  it('sends its key, and keeps it out of its words', async () => {
    await using server = await startFakeQdrant({ apiKey: 'hunter2-hunter2' })
    const patience = { startupTimeoutMs: 20_000 }
    await expect(openOn(server.url, patience)).rejects.toThrow(/rejected \(401\)/)
    const wrong = await openOn(server.url, { ...patience, apiKey: 'swordfish' }).catch((error) => error)
    expect(String(wrong)).toMatch(/rejected \(401\)/)
    expect(String(wrong)).not.toContain('swordfish')
    const store = await openOn(server.url, { apiKey: 'hunter2-hunter2' })
    await store.check()
    await store.close()
  })

  it('reaches a server under a path, as behind a proxy', async () => {
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
