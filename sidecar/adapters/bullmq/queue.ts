import { createHash } from 'node:crypto'
import type { Job, Worker } from 'bullmq'
import { LRUCache } from 'lru-cache'
import { type Queue, QueueUnavailable, type Run } from '../../ports/queue.ts'
import type { RedisTarget } from '../../redis-url.ts'
import { DRAIN_MS, Runs } from '../queue/active-runs.ts'
import { pauseAfter } from '../queue/retry-delay.ts'
import { createRedisClient, type RedisClient } from '../redis/client.ts'
import { linkRedis, type OnRedisState, type RedisLink } from '../redis/connection.ts'
import { runScript } from '../redis/scope-state-scripts.ts'
import { BEGIN, END, WISH } from './scripts.ts'

export interface BullmqQueueOptions {
  target: RedisTarget
  /** Stands before every key; no braces. */
  keyPrefix: string
  /** How long one command of a caller may take, milliseconds. */
  timeoutMs: number
  /** Runs at once in this process. */
  concurrency: number
  /** A connection to the target that is shared with others; whoever of them is closed first closes it. */
  link?: RedisLink | undefined
  onState?: OnRedisState | undefined
  /** How long a run of a process that is not heard of any more counts as under way, milliseconds. */
  leaseMs?: number | undefined
  /** How long `close` waits for runs, milliseconds. */
  drainMs?: number | undefined
  /** Milliseconds before a run that rejected is tried again, by how often it has in a row. */
  pauseMs?: ((failures: number) => number) | undefined
}

interface Data {
  key: string
}

const NAME = 'wake-ups'

/** How long the run of a process that has died keeps others away; two looks for such runs come on top. */
const LEASE_MS = 15_000

/** Due wishes that are looked at together, in case one of them has no job. */
const SWEEP_AT_ONCE = 100

/** Keys whose failures in a row are counted. */
const MAX_FAILURES = 10_000

/** Longest that the client of the worker may take to close, milliseconds. */
const CLOSE_MS = 1000

/**
 * Wake-ups that several processes share, on Redis.
 *
 * Beside BullMQ's own keys there are the wishes, a sorted set by time, and the runs under way. A job of BullMQ says no
 * more than that a key has a wish: it is what waits until then, goes to one worker at a time, and is given to another
 * when its worker is not heard of. What a job finds to do is in the wishes, so that one more job, or one that was made
 * too early, does no harm, and a due wish without a job (a process died between the two) is given a new one.
 *
 * The clocks of the processes decide what is due.
 */
export function createBullmqQueue(options: BullmqQueueOptions): Queue {
  const { target, keyPrefix, timeoutMs, concurrency, onState } = options
  const { leaseMs = LEASE_MS, drainMs = DRAIN_MS, pauseMs = pauseAfter } = options
  const { link = linkRedis(target, timeoutMs, onState) } = options
  // One slot of a cluster for all of it.
  const prefix = `${keyPrefix}{queue}`
  const [wishes, running] = [`${prefix}:wishes`, `${prefix}:runs`]
  const runs = new Runs()
  const failures = new LRUCache<string, number>({ max: MAX_FAILURES })
  let jobs: Promise<Jobs> | undefined
  let working: Promise<{ worker: Worker<Data>; client: RedisClient }> | undefined
  let sweeper: NodeJS.Timeout | undefined
  let closed = false

  async function openJobs(client: RedisClient): Promise<Jobs> {
    const { Queue: JobQueue } = await loadBullmq()
    const queue = new JobQueue<Data>(NAME, {
      connection: client,
      prefix,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    })
    // Whoever asked hears of it.
    queue.on('error', () => {})
    return queue
  }

  /** Runs a command of a caller, within its time. */
  async function ask<T>(command: (client: RedisClient) => Promise<T>): Promise<T> {
    if (closed) throw new QueueUnavailable('The queue is closed.')
    try {
      return await link.run(command)
    } catch (cause) {
      throw new QueueUnavailable(cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }

  /** Sees to it that a job comes for a wish, at its time at the latest. */
  async function call(key: string, wish: number): Promise<void> {
    await ask(async (client) => {
      jobs ??= openJobs(client)
      const queue = await jobs
      const id = jobIdOf(key)
      for (let at = wish; ; ) {
        const delay = Math.max(0, at - Date.now())
        await queue.add(NAME, { key }, { jobId: id, delay, removeOnComplete: true, removeOnFail: true })
        const due = await client.zscore(queue.toKey('delayed'), id)
        // BullMQ counts in 4096th of a millisecond, to tell jobs apart.
        if (due !== null && Number(due) / 4096 >= at + 1) await bringForward(queue, id, delay)
        const earliest = Number((await client.zscore(wishes, key)) ?? Number.POSITIVE_INFINITY)
        if (earliest >= at) return
        at = earliest
      }
    })
  }

  async function work(run: Run): Promise<{ worker: Worker<Data>; client: RedisClient }> {
    const { Worker: JobWorker, DelayedError } = await loadBullmq()
    const client = await createRedisClient(target, timeoutMs, true)
    client.on('error', () => {})
    const ofRun = [wishes, running]

    /** What a run wants next; `undefined` where it has to be run by somebody else. */
    async function outcomeOf(key: string, signal: AbortSignal): Promise<number | null | undefined> {
      try {
        const wants = await run(key, signal)
        failures.delete(key)
        return wants
      } catch {
        if (closed) return undefined
        const count = (failures.get(key) ?? 0) + 1
        failures.set(key, count)
        return Date.now() + pauseMs(count)
      }
    }

    async function process(job: Job<Data>, token: string | undefined): Promise<void> {
      const { key } = job.data
      const putOff = async (at: number) => {
        await job.moveToDelayed(at, token)
        throw new DelayedError()
      }
      // It was fetched while the queue closed.
      if (closed) await putOff(Date.now())
      const mine = `${job.id}/${token}`
      const found = await runScript(client, BEGIN, ofRun, [Date.now(), key, mine])
      if (found === null) return
      if (found !== 'run') await putOff(Number(found))
      const wants = await runs.run(key, (signal) => outcomeOf(key, signal))
      if (wants === undefined) return await putOff(Date.now())
      const next = await runScript(client, END, ofRun, [key, mine, wants === null ? '' : Math.ceil(wants)])
      if (next !== null) await putOff(Math.max(Number(next), Date.now()))
    }

    const worker = new JobWorker<Data>(NAME, process, {
      connection: client,
      prefix,
      concurrency,
      lockDuration: leaseMs,
      stalledInterval: leaseMs / 3,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      runRetryDelay: Math.min(1000, leaseMs / 3),
      skipVersionCheck: true,
    })
    // Redis comes and goes: the worker tries again by itself, and the link tells.
    worker.on('error', () => {})
    // A wish that came when the job was about to end found it still there.
    worker.on('completed', ({ data }) => void again(data.key).catch(() => {}))
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) runs.giveUpWhere((key) => jobIdOf(key) === id, 'another process may run it')
    })
    return { worker, client }
  }

  async function again(key: string): Promise<void> {
    const wish = await ask((client) => client.zscore(wishes, key))
    if (wish !== null) await call(key, Number(wish))
  }

  async function sweep(): Promise<void> {
    const due = await ask((client) =>
      client.zrangebyscore(wishes, '-inf', Date.now(), 'LIMIT', 0, SWEEP_AT_ONCE),
    )
    for (const key of due) await call(key, 0)
  }

  return {
    kind: 'bullmq',
    async schedule(key, at) {
      if (!key.isWellFormed()) {
        throw new TypeError('queue key: expected well-formed Unicode, got a lone surrogate')
      }
      const wanted = Math.max(0, Math.ceil(at))
      const [changed, earliest] = (await ask((client) =>
        runScript(client, WISH, [wishes], [wanted, key]),
      )) as [number, string]
      if (changed === 1) await call(key, Number(earliest))
    },
    work(run) {
      working = work(run)
      working.catch(() => {})
      sweeper = setInterval(() => void sweep().catch(() => {}), leaseMs / 3)
      sweeper.unref()
    },
    async check() {
      // A write: a replica and a server that is full answer a PING.
      await ask((client) => client.set(`${prefix}:check`, '', 'PX', 1000))
    },
    async close() {
      if (closed) return
      closed = true
      clearInterval(sweeper)
      const held = await working?.catch(() => undefined)
      await held?.worker.pause(true)
      const areOver = await runs.close(drainMs, globalThis)
      if (held) {
        await inTime(held.worker.close(!areOver), CLOSE_MS)
        held.client.disconnect()
      }
      await (await jobs?.catch(() => undefined))?.close().catch(() => {})
      if (!options.link) link.close()
    },
  }
}

type Jobs = import('bullmq').Queue<Data>

/** Loaded when it is used: it takes as long as a start without it. */
async function loadBullmq(): Promise<typeof import('bullmq')> {
  const bullmq = await import('bullmq')
  // What a server is taken for that is not asked: one that waits for fractions of a second. The wishes need 6.2 too.
  bullmq.RedisConnection.minimumVersion = '6.2.0'
  return bullmq
}

/** Ids of jobs are short, have no colon, and are no numbers. */
function jobIdOf(key: string): string {
  return `k${createHash('sha256').update(key).digest('base64url')}`
}

async function bringForward(queue: Jobs, id: string, delay: number): Promise<void> {
  const job = await queue.getJob(id)
  // It may have begun meanwhile.
  await job?.changeDelay(delay).catch(() => {})
}

async function inTime(task: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([task.catch(() => {}), late])
  clearTimeout(timer)
}
