import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Queue } from '../../../sidecar/ports/queue.ts'
import { testContract } from '../../contract/contract.ts'
import { QUEUE_CASES } from '../../contract/queue.ts'
import { bullmqQueue, bullmqSubject } from '../../helpers/queue-subject.ts'
import { useCluster } from '../../helpers/redis-cluster.ts'
import { NEEDS, NO_REDIS, type RedisServer, startRedis } from '../../helpers/redis-server.ts'
import { eventually, until } from '../../helpers/redis-subject.ts'

const ADAPTER = new URL('../../../sidecar/adapters/bullmq/queue.ts', import.meta.url).href
const REDIS_URL = new URL('../../../sidecar/adapters/redis/url.ts', import.meta.url).href
const CONNECTION = new URL('../../../sidecar/adapters/redis/connection.ts', import.meta.url).href
const HOUR = 3_600_000

/** Starts a worker; returns the keys that it runs. */
function startWorker(queue: Queue): string[] {
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
  until(() =>
    queue.check().then(
      () => true,
      () => false,
    ),
  )

/** Fails the test when something is written to the console. */
function expectSilentConsole(): void {
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

  it('keeps all keys under the prefix and in one slot, and deletes finished jobs', async () => {
    const queue = open(server.url, { keyPrefix: 'mine:' })
    const ran = startWorker(queue)
    for (let i = 0; i < 20; i++) await queue.schedule(`k${i}`, 0)
    await queue.schedule('later', Date.now() + HOUR)
    await until(() => ran.length === 20)
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

  it('does not share jobs with a queue of another prefix', async () => {
    const [mine, other] = [open(server.url, { keyPrefix: 'a:' }), open(server.url, { keyPrefix: 'b:' })]
    const [ran, others] = [startWorker(mine), startWorker(other)]
    await mine.schedule('k', 0)
    await other.schedule('l', 0)
    await until(() => ran.length + others.length === 2)
    expect([ran, others]).toEqual([['k'], ['l']])
  })

  it('runs the job of a killed process in another process', async () => {
    const script = `
      import { createBullmqQueue } from ${JSON.stringify(ADAPTER)}
      import { connectRedis } from ${JSON.stringify(CONNECTION)}
      import { parseRedisUrl } from ${JSON.stringify(REDIS_URL)}
      const target = parseRedisUrl(${JSON.stringify(server.url)})
      const connection = connectRedis(target, 5000)
      const options = { keyPrefix: 'killed:', timeoutMs: 5000, concurrency: 1, leaseMs: 1500 }
      const queue = createBullmqQueue({ target, connection, ...options })
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
    const ran = startWorker(queue)
    // The living process renews its job lock.
    await new Promise((resolve) => setTimeout(resolve, 3000))
    expect(ran).toEqual([])
    child.kill('SIGKILL')
    await until(() => ran.length > 0)
    expect(ran).toEqual(['n/ada'])
  })

  it('adds a job for a due key whose process died before adding one', async () => {
    const queue = open(server.url, { keyPrefix: 'orphan:' })
    const ran = startWorker(queue)
    const admin = new Redis(server.url)
    onTestFinished(() => admin.disconnect())
    await admin.zadd('orphan:{queue}:wishes', 0, 'n/ada')
    await until(() => ran.length === 1)
  })

  it('runs a key that is scheduled while its run ends', async () => {
    const queue = open(server.url, { keyPrefix: 'moment:', concurrency: 1 })
    const ran: number[] = []
    let scheduled = 0
    queue.work(async () => {
      ran.push(scheduled)
      return null
    })
    for (let i = 0; i < 200; i++) {
      scheduled = i
      await queue.schedule('k', 0)
      await new Promise((resolve) => setTimeout(resolve, i % 5))
    }
    await until(() => ran.at(-1) === 199)
  })
})

describe.skipIf(NO_REDIS)(`on a Redis that is restarted ${NEEDS}`, () => {
  it('rejects while Redis is away, and continues when it is back empty', async () => {
    expectSilentConsole()
    await using server = await startRedis()
    const queue = open(server.url, { timeoutMs: 1000 })
    const ran = startWorker(queue)
    await queue.schedule('before', 0)
    await until(() => ran.length === 1)
    await queue.schedule('lost', Date.now() + HOUR)
    await server.kill()
    const away = { name: 'QueueUnavailable', message: expect.stringMatching(/^redis at 127/) }
    await expect(queue.schedule('k', 0)).rejects.toMatchObject(away)
    await expect(queue.check()).rejects.toMatchObject(away)
    await server.start()
    await isReady(queue)
    await queue.schedule('after', 0)
    await queue.schedule('lost', 0)
    await until(() => ran.length === 3)
    expect(ran.sort()).toEqual(['after', 'before', 'lost'])
  })

  it('completes an active run across a restart and keeps its next run', async () => {
    expectSilentConsole()
    await using server = await startRedis()
    const queue = open(server.url, { timeoutMs: 1000 })
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    let runs = 0
    queue.work(async () => {
      runs += 1
      if (runs > 1) return null
      await gate
      return 1
    })
    await queue.schedule('k', 0)
    await until(() => runs === 1)
    await server.kill()
    openGate()
    await server.start()
    await until(() => runs === 2)
  })

  it('accepts keys again after FLUSHALL', async () => {
    expectSilentConsole()
    await using server = await startRedis()
    const queue = open(server.url)
    const ran = startWorker(queue)
    const admin = new Redis(server.url)
    onTestFinished(() => admin.disconnect())
    for (let i = 0; i < 10; i++) await queue.schedule(`k${i}`, Date.now() + HOUR)
    await admin.flushall()
    for (let i = 0; i < 10; i++) await queue.schedule(`k${i}`, 0)
    await until(() => ran.length === 10)
  })

  it('closes within its deadline while Redis hangs', async () => {
    expectSilentConsole()
    await using server = await startRedis()
    const queue = open(server.url, { timeoutMs: 200 })
    const ran = startWorker(queue)
    await queue.schedule('k', 0)
    await until(() => ran.length === 1)
    server.signal('SIGSTOP')
    await queue.close()
    server.signal('SIGCONT')
  })

  it('closes when Redis was never reachable', async () => {
    const queue = bullmqQueue('redis://127.0.0.1:1', { timeoutMs: 100 })
    startWorker(queue)
    await expect(queue.schedule('k', 0)).rejects.toMatchObject({ name: 'QueueUnavailable' })
    await queue.close()
  })
})

describe.skipIf(NO_REDIS)(`on a Redis Cluster ${NEEDS}`, () => {
  const cluster = useCluster()

  testContract('the BullMQ queue', QUEUE_CASES, bullmqSubject(cluster.url))
})
