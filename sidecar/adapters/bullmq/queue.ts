import { createHash } from 'node:crypto'
import type { Job } from 'bullmq'
import { LRUCache } from 'lru-cache'
import pTimeout from 'p-timeout'
import { type Queue, QueueUnavailable, type Run } from '../../ports/queue.ts'
import { ActiveRuns, DRAIN_MS } from '../common/active-runs.ts'
import { retryDelayMs as defaultRetryDelayMs } from '../common/retry-delay.ts'
import type { RedisCacheOptions } from '../redis/cache.ts'
import { createRedisClient, type RedisClient } from '../redis/client.ts'
import { checkWritable, type RedisConnection } from '../redis/connection.ts'
import type { RedisTarget } from '../redis/url.ts'
import { BEGIN, END, SCHEDULE } from './scripts.ts'

export interface BullmqQueueOptions extends Pick<RedisCacheOptions, 'keyPrefix'> {
  target: RedisTarget
  /** Timeout of a command on the workers' own connection, milliseconds. */
  timeoutMs: number
  /** Most concurrent runs in this process. */
  concurrency: number
  /** How long `close` waits for active runs, milliseconds. */
  drainMs?: number | undefined
  /** A connection to the target. It stays open when the queue closes. */
  connection: RedisConnection
  /** TTL of a run's job lock, milliseconds; a silent process loses its runs after it. */
  leaseMs?: number | undefined
  /** Delay before a failed run is retried, milliseconds, by consecutive failures. */
  retryDelayMs?: ((failures: number) => number) | undefined
}

type Data = { key: string }

const NAME = 'wake-ups'
/** Default of `leaseMs`. BullMQ detects a dead worker up to two stalled-job checks later. */
const LEASE_MS = 15_000
/** Due keys per sweep for keys without a job. */
const SWEEP_LIMIT = 100
/** Keys whose consecutive failures are counted. */
const MAX_FAILURES = 10_000
/** Timeout for closing the worker, milliseconds. */
const CLOSE_TIMEOUT_MS = 1000

/**
 * A job queue shared by several processes through Redis and BullMQ. Due times are compared with the processes' clocks.
 *
 * The source of truth is a sorted set of due times by key, beside a hash of the runs in progress. A BullMQ job only wakes
 * a worker up for its key: it delays, is delivered to one worker at a time, and is redelivered when that worker dies. So a
 * surplus or early job is harmless, and a periodic sweep adds a job for a due key that lost its own.
 */
export function createBullmqQueue(options: BullmqQueueOptions): Queue {
  const { target, keyPrefix, timeoutMs, concurrency, connection } = options
  const { leaseMs = LEASE_MS, drainMs = DRAIN_MS, retryDelayMs = defaultRetryDelayMs } = options
  // The hash tag puts all keys into one cluster slot.
  const prefix = `${keyPrefix}{queue}`
  const shared = { prefix, skipVersionCheck: true }
  const [dueTimes, running] = [`${prefix}:wishes`, `${prefix}:runs`]
  const runs = new ActiveRuns()
  const failures = new LRUCache<string, number>({ max: MAX_FAILURES })
  let jobs: Promise<Jobs> | undefined
  let working: ReturnType<typeof work> | undefined
  let sweeper: NodeJS.Timeout | undefined
  let closed = false

  async function openJobs(client: RedisClient): Promise<Jobs> {
    const { Queue: JobQueue } = await loadBullmq()
    const queue = new JobQueue<Data>(NAME, { ...shared, connection: client, skipMetasUpdate: true })
    // Errors reach the caller of the command.
    queue.on('error', () => {})
    return queue
  }

  /** Runs a command with the timeout of the connection. */
  const command = <T>(run: (client: RedisClient) => Promise<T>) => orUnavailable(() => connection.run(run))

  async function orUnavailable<T>(run: () => Promise<T>): Promise<T> {
    if (closed) throw new QueueUnavailable('The queue is closed.')
    try {
      return await run()
    } catch (cause) {
      throw new QueueUnavailable(cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }

  /** Ensures that a job for the key runs at `dueAt` at the latest. */
  async function ensureJob(key: string, dueAt: number): Promise<void> {
    await command(async (client) => {
      jobs ??= openJobs(client)
      const queue = await jobs
      const id = jobIdOf(key)
      for (let at = dueAt; ; ) {
        const delay = Math.max(0, at - Date.now())
        await queue.add(NAME, { key }, { jobId: id, delay, removeOnComplete: true, removeOnFail: true })
        const due = await client.zscore(queue.toKey('delayed'), id)
        // BullMQ's scores are 1/4096 ms.
        if (due !== null && Number(due) / 4096 >= at + 1) {
          const job = await queue.getJob(id)
          // The job may have started meanwhile.
          await job?.changeDelay(delay).catch(() => {})
        }
        const earliest = Number((await client.zscore(dueTimes, key)) ?? Number.POSITIVE_INFINITY)
        if (earliest >= at) return
        at = earliest
      }
    })
  }

  async function work(run: Run) {
    const { Worker: JobWorker, DelayedError } = await loadBullmq()
    const client = await createRedisClient(target, timeoutMs, true)
    client.on('error', () => {})
    /** Time of the next run, `null` for none, or `undefined` if another process must run the key. */
    async function outcomeOf(key: string, signal: AbortSignal): Promise<number | null | undefined> {
      try {
        const next = await run(key, signal)
        failures.delete(key)
        return next
      } catch {
        if (closed) return undefined
        const count = (failures.get(key) ?? 0) + 1
        failures.set(key, count)
        return Date.now() + retryDelayMs(count)
      }
    }

    async function process(job: Job<Data>, token: string | undefined): Promise<void> {
      const { key } = job.data
      const delayJob = async (at: number) => {
        await job.moveToDelayed(at, token)
        throw new DelayedError()
      }
      // The job was fetched while the queue closed.
      if (closed) await delayJob(Date.now())
      const runToken = `${job.id}/${token}`
      const found = await client.eval(BEGIN, 2, dueTimes, running, Date.now(), key, runToken)
      if (found === null) return
      if (found !== 'run') await delayJob(Number(found))
      const wanted = await runs.run(key, (signal) => outcomeOf(key, signal))
      if (wanted === undefined) return await delayJob(Date.now())
      const at = wanted === null ? '' : Math.ceil(wanted)
      const next = await client.eval(END, 2, dueTimes, running, key, runToken, at)
      if (next !== null) await delayJob(Math.max(Number(next), Date.now()))
    }

    const worker = new JobWorker<Data>(NAME, process, {
      ...shared,
      connection: client,
      concurrency,
      lockDuration: leaseMs,
      stalledInterval: leaseMs / 3,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      runRetryDelay: Math.min(1000, leaseMs / 3),
    })
    // The worker reconnects by itself, and the shared connection reports the state of Redis.
    worker.on('error', () => {})
    // A run scheduled while the job completed found the old job and added none.
    worker.on('completed', ({ data }) => void ensureNextJob(data.key).catch(() => {}))
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) runs.abortWhere((key) => jobIdOf(key) === id, 'another process may run this key')
    })
    return { worker, client }
  }

  async function ensureNextJob(key: string): Promise<void> {
    const dueAt = await command((client) => client.zscore(dueTimes, key))
    if (dueAt !== null) await ensureJob(key, Number(dueAt))
  }

  async function sweep(): Promise<void> {
    const due = await command((client) =>
      client.zrangebyscore(dueTimes, '-inf', Date.now(), 'LIMIT', 0, SWEEP_LIMIT),
    )
    for (const key of due) await ensureJob(key, 0)
  }

  return {
    kind: 'bullmq',
    async schedule(key, at) {
      if (!key.isWellFormed()) {
        throw new TypeError('queue key: expected well-formed Unicode, got a lone surrogate')
      }
      const wanted = Math.max(0, Math.ceil(at))
      const [changed, earliest] = (await command((client) =>
        client.eval(SCHEDULE, 1, dueTimes, wanted, key),
      )) as [number, string]
      if (changed === 1) await ensureJob(key, Number(earliest))
    },
    work(run) {
      working = work(run)
      working.catch(() => {})
      sweeper = setInterval(() => void sweep().catch(() => {}), leaseMs / 3)
      sweeper.unref()
    },
    async check() {
      await orUnavailable(() => checkWritable(connection, `${prefix}:check`))
    },
    async close() {
      if (closed) return
      closed = true
      clearInterval(sweeper)
      const active = await working?.catch(() => undefined)
      await active?.worker.pause(true)
      const allEnded = await runs.close(drainMs, globalThis)
      if (active) {
        await pTimeout(active.worker.close(!allEnded), { milliseconds: CLOSE_TIMEOUT_MS }).catch(() => {})
        active.client.disconnect()
      }
      await (await jobs?.catch(() => undefined))?.close().catch(() => {})
    },
  }
}

type Jobs = import('bullmq').Queue<Data>

/** Loaded on first use, because loading takes as long as the rest of the start. */
async function loadBullmq(): Promise<typeof import('bullmq')> {
  const bullmq = await import('bullmq')
  // With version checks off, BullMQ assumes this one. `ZADD LT` needs 6.2.
  bullmq.RedisConnection.minimumVersion = '6.2.0'
  return bullmq
}

/** BullMQ requires ids without colons that are not numbers. */
function jobIdOf(key: string): string {
  return `k${createHash('sha256').update(key).digest('base64url')}`
}
