import type { Socket } from 'node:net'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import { describeTarget, type RedisTarget } from '../../redis-url.ts'
import { createRedisClient, type RedisClient } from './client.ts'

/** Told when Redis comes and goes, in words for the operator. */
export type OnRedisState = (state: { up: boolean; message: string }) => void

export interface RedisLink {
  /** Runs a command. Rejects with `CacheUnavailable`, after `timeoutMs` at the latest. */
  run<T>(command: (client: RedisClient) => Promise<T>): Promise<T>
  /** How often the connection was lost so far: where it was, the server may have lost what it was told. */
  readonly interruptions: number
  close(): void
}

/**
 * A connection that is always being kept: opened in the background, opened again with growing pauses when it is lost,
 * for as long as the process lives. While it is down every command fails at once; only in the first `timeoutMs`
 * commands wait for it, so that what arrives right after the start is served.
 */
export function linkRedis(
  target: RedisTarget,
  timeoutMs: number,
  onState: OnRedisState = () => {},
): RedisLink {
  const where = `redis at ${describeTarget(target)}`
  let client: RedisClient | undefined
  let closed = false
  /** What is wrong with the connection. */
  let trouble = 'not connected yet'
  let told: boolean | undefined
  let refusal: string | undefined
  let interruptions = 0
  let running = 0

  function tell(up: boolean, message: string): void {
    if (told === up || closed) return
    told = up
    onState({ up, message })
  }

  async function open(): Promise<void> {
    client = await createRedisClient(target, timeoutMs)
    client.on('error', (error: Error) => {
      trouble = wordsOf(error)
      tell(false, `${where}: ${trouble}`)
    })
    client.on('close', () => {
      interruptions += 1
      if (told !== false) trouble = 'the connection was lost'
      tell(false, `${where}: ${trouble}`)
    })
    client.on('ready', () => {
      refusal = undefined
      tell(true, where)
    })
    if (closed) return
    // Rejects when the first attempt fails; the client goes on trying by itself.
    await client.connect().catch(() => {})
  }

  const opened = open().catch((error: Error) => {
    trouble = wordsOf(error)
    tell(false, `${where}: ${trouble}`)
  })
  let opening: Promise<void> | undefined = Promise.race([opened, pause(timeoutMs)]).finally(() => {
    opening = undefined
  })

  return {
    async run(command) {
      if (opening !== undefined) await opening
      if (closed) throw new CacheUnavailable('unreachable', `${where}: closed`)
      if (client?.status !== 'ready') throw new CacheUnavailable('unreachable', `${where}: ${trouble}`)
      running += 1
      if (running > 1) holdBack(client)
      try {
        return await inTime(command(client), timeoutMs)
      } catch (error) {
        const failure = asUnavailable(error, where)
        if (failure.reason === 'refused' && failure.message !== refusal) {
          refusal = failure.message
          onState({ up: false, message: refusal })
        }
        throw failure
      } finally {
        running -= 1
      }
    },
    get interruptions() {
      return interruptions
    },
    close() {
      closed = true
      client?.disconnect()
    },
  }
}

const heldBack = new WeakSet<Socket>()

/**
 * What many requests ask in one turn of the event loop goes out in one write, and is answered in few: a write costs the
 * process, and Redis, as much as the command. (`enableAutoPipelining` of ioredis costs more than it saves here: an
 * object and a promise more for each command.) A cluster has a connection for each node, and is left alone.
 */
function holdBack(client: RedisClient): void {
  const { stream } = client as { stream?: Socket }
  if (!stream || heldBack.has(stream)) return
  heldBack.add(stream)
  stream.cork()
  setImmediate(() => {
    heldBack.delete(stream)
    stream.uncork()
  })
}

class Late extends Error {}

/** Rejects after `ms`; what was asked for may still happen. By hand, because it is on the way of every read. */
function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Late(`no answer in ${ms} ms`))
    // Where it was this process that was busy, the answer is waiting to be read: reading comes before `late`.
    const timer = setTimeout(() => setImmediate(late), ms)
    answer.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => setImmediate(resolve), ms).unref()
  })
}

function asUnavailable(error: unknown, where: string): CacheUnavailable {
  if (error instanceof Late) return new CacheUnavailable('timeout', `${where}: ${error.message}`)
  const cause = error instanceof Error ? error : new Error(String(error))
  // Without its cause: that one carries the arguments of the command, which are texts of users.
  if (cause.name === 'ReplyError') return new CacheUnavailable('refused', `${where}: ${wordsOf(cause)}`)
  return new CacheUnavailable('unreachable', `${where}: ${wordsOf(cause)}`, { cause })
}

/** An error in one line; a failed attempt on several addresses has its words in its parts only. */
function wordsOf(error: Error): string {
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost'
  const parts = error instanceof AggregateError ? (error.errors as Error[]).map(({ message }) => message) : []
  const text = error.message || parts.join('; ') || error.name
  // Redis repeats the arguments of a command that it does not know.
  return text.split(/, with args beginning with/i)[0]?.slice(0, 200) as string
}
