import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { type RunningSidecar, startSidecar } from '../../helpers/sidecar-process.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

function open({ url }: RunningSidecar): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

function getOf(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
}

function postOf(length: number, headers = ''): string {
  return `POST /v1/memories HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${headers}\r\n`
}

/** Sends text on many connections at once, until the kernel takes no more of it, and reads no answer. */
async function attack(sidecar: RunningSidecar, connections: number, sent: string): Promise<Socket[]> {
  const sockets = Array.from({ length: connections }, () => open(sidecar).pause())
  const write = async (socket: Socket) => {
    await once(socket, 'connect')
    await Promise.race([
      new Promise((resolve) => void socket.write(sent, resolve)),
      once(socket, 'close'),
      setTimeout(500),
    ])
  }
  await Promise.all(sockets.map(write))
  return sockets
}

async function residentMib({ url }: RunningSidecar): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]) / 1024 / 1024
}

async function seed({ call }: RunningSidecar, memories: number): Promise<void> {
  for (let first = 0; first < memories; first += 500) {
    const batch = Array.from({ length: 500 }, (_, i) => ({
      id: `m${first + i}`,
      memory: `Note ${first + i}: ${'the train to Kyoto leaves at nine '.repeat(20)}`,
    }))
    const { status } = await call('POST', '/v1/memories/import', { user_id: 'ada', memories: batch })
    expect(status).toBe(200)
  }
}

const COSTLY = ['/openapi.json', '/v1/export?user_id=ada', '/v1/memories?user_id=ada&limit=500']

it('answers others while clients flood it with pipelined requests and go, or read no answer', async () => {
  const sidecar = await startSidecar({ DATA_DIR: tempDir(), NODE_OPTIONS: '--max-old-space-size=256' })
  await seed(sidecar, 2000)
  const before = await residentMib(sidecar)
  for (const path of COSTLY) {
    for (const [connections, times, stays] of [
      [1, 900, false],
      [100, 100, false],
      [100, 100, true],
    ] as const) {
      const sockets = await attack(sidecar, connections, getOf(path).repeat(times))
      if (!stays) for (const socket of sockets) socket.destroy()
      for (let i = 0; i < 10; i++) expect((await sidecar.call('GET', '/healthz')).status).toBe(200)
      const recalled = await sidecar.call('POST', '/v1/recall', { user_id: 'ada', query: 'Kyoto' })
      expect(recalled.body.status).toBe('ok')
      for (const socket of sockets) socket.destroy()
    }
  }
  expect((await residentMib(sidecar)) - before).toBeLessThan(300)
  expect(sidecar.err()).toBe('')
})

it('answers all pipelined requests of a connection in their order', async () => {
  const sidecar = await startSidecar({ DATA_DIR: tempDir() })
  const ids = Array.from({ length: 600 }, (_, i) => `r-${i}`)
  const socket = open(sidecar)
  socket.write(ids.map((id) => getOf('/healthz', `X-Request-Id: ${id}\r\n`)).join(''))
  socket.write(getOf('/healthz', 'X-Request-Id: last\r\nConnection: close\r\n'))
  const answered = [...(await text(socket)).matchAll(/^x-request-id: (\S+)\r$/gim)].map(([, id]) => id)
  expect(answered).toEqual([...ids, 'last'])
})

it('takes pipelined requests with bodies, the last of which arrives in pieces', async () => {
  const sidecar = await startSidecar({ DATA_DIR: tempDir() })
  const turns = Array.from({ length: 10 }, (_, i) => {
    const body = JSON.stringify({ user_id: 'bo', messages: [{ role: 'user', content: `I have ${i} cats.` }] })
    const last = i === 9 ? 'Connection: close\r\n' : ''
    return `${postOf(body.length, last)}${body}`
  })
  const sent = turns.join('')
  const socket = open(sidecar)
  socket.write(sent.slice(0, -5))
  setImmediate(() => socket.write(sent.slice(-5)))
  expect((await text(socket)).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(10)
  const { body } = await sidecar.call('GET', '/v1/memories?user_id=bo')
  expect(body.memories).toHaveLength(10)
})

it('keeps less than 100 MiB of 300 half-sent bodies of 900 kB', async () => {
  const sidecar = await startSidecar({ DATA_DIR: tempDir() })
  const before = await residentMib(sidecar)
  const sockets = await attack(sidecar, 300, postOf(900_000) + ' '.repeat(450_000))
  const recall = (query: string) => sidecar.call('POST', '/v1/recall', { user_id: 'ada', query })
  const long = 'x'.repeat(900_000)
  // A busy sidecar reads the bodies later than the kernel takes them.
  await expect.poll(async () => (await recall(long)).status).toBe(429)
  const refused = await recall(long)
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'too_many_requests' } } })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect((await recall('Kyoto')).status).toBe(200)
  expect((await residentMib(sidecar)) - before).toBeLessThan(100)
  for (const socket of sockets) socket.destroy()
  await expect.poll(async () => (await recall(long)).status).toBe(200)
})

it('logs nothing when clients leave in the middle of a request or an answer', async () => {
  const sidecar = await startSidecar({ DATA_DIR: tempDir() })
  await seed(sidecar, 500)
  const parts = [
    `${postOf(1000)}{"user_id":"ada"`,
    `${postOf(0).replace('Content-Length: 0', 'Transfer-Encoding: chunked')}5\r\n{"use\r\n`,
    getOf('/v1/export?user_id=ada'),
    getOf('/v1/memories?user_id=ada&limit=500'),
    'GET / HTTP',
  ]
  for (const part of parts) {
    for (const delay of [0, 5, 50]) {
      const [socket] = await attack(sidecar, 1, part)
      await setTimeout(delay)
      socket?.destroy()
    }
  }
  expect((await sidecar.call('POST', '/v1/recall', { user_id: 'ada', query: 'Kyoto' })).status).toBe(200)
  expect(sidecar.err()).toBe('')
  expect(sidecar.out()).toMatch(/Try it:\n.*\n$/)
})
