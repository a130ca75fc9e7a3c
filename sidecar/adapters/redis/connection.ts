import { TimeoutError } from 'p-timeout'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import { createRedisClient, type RedisClient } from './client.ts'
import { describeTarget, type RedisTarget } from './url.ts'

/** Called when Redis becomes reachable or unreachable; the message is for the operator. */
export type OnRedisState = (state: { up: boolean; message: string }) => void

export interface RedisConnection {
  /** Name for logs: `redis`, `redis sentinel`, `redis cluster`. */
  readonly kind: string
  /** Runs a command. Rejects with `CacheUnavailable`, after `timeoutMs` at the latest. */
  run<T>(command: (client: RedisClient) => Promise<T>): Promise<T>
  /** Number of connection losses so far; after one, the server may have lost acknowledged writes. */
  readonly interruptions: number
  close(): void
}

/**
 * Keeps a connection to Redis and reconnects with growing delays for the lifetime of the process. Commands fail
 * immediately while it is down; only during the first `timeoutMs` they wait for the connection.
 */
export function connectRedis(
  target: RedisTarget,
  timeoutMs: number,
  onState: OnRedisState = () => {},
): RedisConnection {
  const where = `redis at ${describeTarget(target)}`
  let client: RedisClient | undefined
  let isClosed = false
  let lastError = 'not connected yet'
  let reportedUp: boolean | undefined
  let reportedRefusal: string | undefined
  let interruptions = 0

  function report(up: boolean, message: string): void {
    if (reportedUp === up || isClosed) return
    reportedUp = up
    onState({ up, message })
  }

  function reportError(error: Error): void {
    lastError = describeError(error)
    report(false, `${where}: ${lastError}`)
  }

  async function open(): Promise<void> {
    client = await createRedisClient(target, timeoutMs)
    client.on('error', reportError)
    client.on('close', () => {
      interruptions += 1
      if (reportedUp !== false) lastError = 'the connection was lost'
      report(false, `${where}: ${lastError}`)
    })
    client.on('ready', () => {
      reportedRefusal = undefined
      report(true, where)
    })
    if (isClosed) return
    // Rejects when the first attempt fails; the client retries in the background.
    await client.connect().catch(() => {})
  }

  const opened = open().catch(reportError)
  const opening = withTimeout(opened, timeoutMs).catch(() => {})

  return {
    kind: target.mode === 'single' ? 'redis' : `redis ${target.mode}`,
    async run(command) {
      await opening
      if (isClosed) throw new CacheUnavailable('unreachable', `${where}: closed`)
      if (client?.status !== 'ready') throw new CacheUnavailable('unreachable', `${where}: ${lastError}`)
      try {
        return await withTimeout(command(client), timeoutMs)
      } catch (error) {
        const failure = toUnavailable(error, where)
        if (failure.reason === 'refused' && failure.message !== reportedRefusal) {
          reportedRefusal = failure.message
          onState({ up: false, message: failure.message })
        }
        throw failure
      }
    },
    get interruptions() {
      return interruptions
    },
    close() {
      isClosed = true
      client?.disconnect()
    },
  }
}

/** Rejects with `TimeoutError`; the command may still take effect. */
function withTimeout<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  // Not p-timeout: it creates an error with a stack for every command, 5 % of a cached recall.
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new TimeoutError(`no reply within ${milliseconds} ms`))
    // If this process was busy, the reply is already in the socket: read it before the timeout.
    timer = setTimeout(() => setImmediate(fail), milliseconds)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Rejects unless the key can be written, because a replica and a full server still answer PING. */
export async function checkWritable(connection: RedisConnection, key: string): Promise<void> {
  await connection.run((client) => client.set(key, '', 'PX', 1000))
}

/** @throws the error, unless it is `CacheUnavailable` */
export function ignoreUnavailable(error: unknown): void {
  if (!(error instanceof CacheUnavailable)) throw error
}

function toUnavailable(error: unknown, where: string): CacheUnavailable {
  if (error instanceof TimeoutError) return new CacheUnavailable('timeout', `${where}: ${error.message}`)
  const cause = error instanceof Error ? error : new Error(String(error))
  // Without its cause, which contains the arguments of the command and thus user data.
  if (cause.name === 'ReplyError') return new CacheUnavailable('refused', `${where}: ${describeError(cause)}`)
  return new CacheUnavailable('unreachable', `${where}: ${describeError(cause)}`, { cause })
}

/** An error in one line. An `AggregateError` of several addresses has its messages in its parts. */
function describeError(error: Error): string {
  if (error.name === 'MaxRetriesPerRequestError') return 'the connection was lost'
  const parts = error instanceof AggregateError ? (error.errors as Error[]).map(({ message }) => message) : []
  const text = error.message || parts.join('; ') || error.name
  // Redis repeats the arguments of an unknown command.
  return text.split(/, with args beginning with/i)[0]?.slice(0, 200) as string
}
