import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Queue } from '../../../sidecar/ports/queue.ts'
import { testContract } from '../../contract/contract.ts'
import { QUEUE_CASES } from '../../contract/queue.ts'
import { bullmqQueue, bullmqSubject } from '../../helpers/queue-subject.ts'
import { startCluster } from '../../helpers/redis-cluster.ts'
import { NEEDS, NO_REDIS, type RedisServer, startRedis } from '../../helpers/redis-server.ts'
import { eventually } from '../../helpers/redis-subject.ts'

const ADAPTER = new URL('../../../sidecar/adapters/bullmq/queue.ts', import.meta.url).href
const REDIS_URL = new URL('../../../sidecar/adapters/redis/url.ts', import.meta.url).href
const HOUR = 3_600_000

/** Notes what it runs. */
function noting(queue: Queue): string[] {
  const ran: string[] = []
  queue.work(async (key) => {
    ran.push(key)
    return null
  })
  return ran
}

function open(url: string, options: Parameters<typeof bullmqQueue>[1] = {}): Queue {
  const queue = bullmqQueue(url, options)
  onTestFinished(() => queue.close())
  return queue
}

const isReady = (queue: Queue) =>
  eventually(
    () =>
      queue
        .check()
        .then(() => true)
        .catch(() => false),
    (ready) => ready,
  )

/** Fails the test when anything is written past the log. */
function expectNoNoise(): void {
  const spies = (['error', 'warn', 'log'] as const).map((name) => vi.spyOn(console, name))
  onTestFinished(() => {
    for (const spy of spies) {
      expect(spy.mock.calls).toEqual([])
      spy.mockRestore()
    }
  })
}

describe.skipIf(NO_REDIS)(`on Redis ${NEEDS}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  testContract(
    'the BullMQ queue',
    QUEUE_CASES,
    bullmqSubject(() => server.url),
  )

  it('keeps all keys under the prefix and in one slot, and nothing of what was run', async () => {
    const queue = open(server.url, { keyPrefix: 'mine:' })
    const ran = noting(queue)
    for (let i = 0; i < 20; i++) await queue.schedule(`k${i}`, 0)
    await queue.schedule('later', Date.now() + HOUR)
    await eventually(
      async () => ran.length,
      (count) => count === 20,
    )
    const admin = new Redis(server.url)
    onTestFinished(() => admin.disconnect())
    const keys = await eventually(
      () => admin.keys('mine:*'),
      (held) => held.filter((key) => /:k[\w-]{43}$/.test(key)).length === 1,
    )
    expect(keys.every((key) => key.startsWith('mine:{queue}:'))).toBe(true)
    expect(await admin.zcard('mine:{queue}:wishes')).toBe(1)
    expect(await admin.exists('mine:{queue}:runs')).toBe(0)
    expect(JSON.stringify(await admin.keys('*'))).not.toContain('later')
  })

  it('is nobody else’s who has another prefix', async () => {
    const [mine, other] = [open(server.url, { keyPrefix: 'a:' }), open(server.url, { keyPrefix: 'b:' })]
    const [ran, others] = [noting(mine), noting(other)]
    await mine.schedule('k', 0)
    await other.schedule('l', 0)
    await eventually(
      async () => ran.length + others.length,
      (count) => count === 2,
    )
    expect([ran, others]).toEqual([['k'], ['l']])
  })

  it('gives the run of a process that is killed to another one', async () => {
    const script = `
      import { createBullmqQueue } from ${JSON.stringify(ADAPTER)}
      import { parseRedisUrl } from ${JSON.stringify(REDIS_URL)}
      const target = parseRedisUrl(${JSON.stringify(server.url)})
      const options = { keyPrefix: 'killed:', timeoutMs: 5000, concurrency: 1, leaseMs: 1500 }
      const queue = createBullmqQueue({ target, ...options })
      queue.work((key) => {
        console.log('runs ' + key)
        return new Promise(() => {})
      })
      await queue.schedule('n/ada', 0)
    `
    const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script])
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    child.stderr.on('data', (bytes) => {
      said += bytes
    })
    const [line] = await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => Promise.reject(new Error(said))),
    ])
    expect(String(line)).toBe('runs n/ada\n')
    const queue = open(server.url, { keyPrefix: 'killed:' })
    const ran = noting(queue)
    // Renewed for as long as its process lives.
    await new Promise((resolve) => setTimeout(resolve, 3000))
    expect(ran).toEqual([])
    child.kill('SIGKILL')
    await eventually(
      async () => ran,
      (keys) => keys.length > 0,
    )
    expect(ran).toEqual(['n/ada'])
  })

  it('gives a due wish without a job a new one: its process died between the two', async () => {
    const queue = open(server.url, { keyPrefix: 'orphan:' })
    const ran = noting(queue)
    const admin = new Redis(server.url)
    onTestFinished(() => admin.disconnect())
    await admin.zadd('orphan:{queue}:wishes', 0, 'n/ada')
    await eventually(
      async () => ran,
      (keys) => keys.length === 1,
    )
  })

  it('runs what is wished for in the very moment in which a run ends', async () => {
    const queue = open(server.url, { keyPrefix: 'moment:', concurrency: 1 })
    const ran: number[] = []
    let wished = 0
    queue.work(async () => {
      ran.push(wished)
      return null
    })
    for (let i = 0; i < 200; i++) {
      wished = i
      await queue.schedule('k', 0)
      await new Promise((resolve) => setTimeout(resolve, i % 5))
    }
    await eventually(
      async () => ran.at(-1),
      (last) => last === 199,
    )
  })
})

describe.skipIf(NO_REDIS)(`on a Redis that comes and goes ${NEEDS}`, () => {
  it('rejects while it is away, and goes on by itself when it is back, empty', async () => {
    expectNoNoise()
    await using server = await startRedis()
    const queue = open(server.url, { timeoutMs: 1000 })
    const ran = noting(queue)
    await queue.schedule('before', 0)
    await eventually(
      async () => ran.length,
      (count) => count === 1,
    )
    await queue.schedule('lost', Date.now() + HOUR)
    await server.kill()
    const away = { name: 'QueueUnavailable', message: expect.stringMatching(/^redis at 127/) }
    await expect(queue.schedule('k', 0)).rejects.toMatchObject(away)
    await expect(queue.check()).rejects.toMatchObject(away)
    await server.start()
    await isReady(queue)
    await queue.schedule('after', 0)
    await queue.schedule('lost', 0)
    await eventually(
      async () => ran.length,
      (count) => count === 3,
    )
    expect(ran.sort()).toEqual(['after', 'before', 'lost'])
  })

  it('lets a run end that was under way, and keeps what it wants next', async () => {
    expectNoNoise()
    await using server = await startRedis()
    const queue = open(server.url, { timeoutMs: 1000 })
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    let runs = 0
    queue.work(async () => {
      runs += 1
      if (runs > 1) return null
      await gate
      return 1
    })
    await queue.schedule('k', 0)
    await eventually(
      async () => runs,
      (count) => count === 1,
    )
    await server.kill()
    go()
    await server.start()
    await eventually(
      async () => runs,
      (count) => count === 2,
    )
  })

  it('takes wishes anew after everything was flushed, waiting or under way', async () => {
    expectNoNoise()
    await using server = await startRedis()
    const queue = open(server.url)
    const ran = noting(queue)
    const admin = new Redis(server.url)
    onTestFinished(() => admin.disconnect())
    for (let i = 0; i < 10; i++) await queue.schedule(`k${i}`, Date.now() + HOUR)
    await admin.flushall()
    for (let i = 0; i < 10; i++) await queue.schedule(`k${i}`, 0)
    await eventually(
      async () => ran.length,
      (count) => count === 10,
    )
  })

  it('closes in time while Redis hangs', async () => {
    expectNoNoise()
    await using server = await startRedis()
    const queue = open(server.url, { timeoutMs: 200 })
    const ran = noting(queue)
    await queue.schedule('k', 0)
    await eventually(
      async () => ran.length,
      (count) => count === 1,
    )
    server.signal('SIGSTOP')
    await queue.close()
    server.signal('SIGCONT')
  })

  it('holds the process no longer when it is closed before Redis was ever there', async () => {
    const queue = bullmqQueue('redis://127.0.0.1:1', { timeoutMs: 100 })
    noting(queue)
    await expect(queue.schedule('k', 0)).rejects.toMatchObject({ name: 'QueueUnavailable' })
    await queue.close()
  })
})

describe.skipIf(NO_REDIS)(`on a Redis Cluster ${NEEDS}`, () => {
  let nodes: RedisServer[] = []
  beforeAll(async () => {
    nodes = await startCluster()
  })
  afterAll(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]()
  })

  testContract(
    'the BullMQ queue',
    QUEUE_CASES,
    bullmqSubject(() => `redis+cluster://127.0.0.1:${nodes[0]?.port}`),
  )
})
