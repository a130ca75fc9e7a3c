import type { Cluster, DNSLookupFunction, Redis, RedisOptions } from 'ioredis'
import type { RedisTarget } from '../../redis-url.ts'

export type RedisClient = Redis | Cluster

/** Without the option that the constructors infer their types from. */
type Options = Omit<RedisOptions, 'replyMapping'>

/** How long a server may take to accept a connection, milliseconds. */
const CONNECT_MS = 5000

/** Most milliseconds between two attempts to connect. */
const LONGEST_PAUSE_MS = 2000

/** Longest that a connection which waits may say nothing, milliseconds: more than any command blocks. */
const SILENCE_MS = 30_000

/**
 * A client that is not connected yet, for each way of running Redis. Loads the library, which takes a while.
 * @param waits its commands wait for a server that is away, for as long as it takes; nobody's request may depend on them
 */
export async function createRedisClient(
  target: RedisTarget,
  timeoutMs: number,
  waits = false,
): Promise<RedisClient> {
  const { Cluster, Redis } = await import('ioredis')
  const options = { ...commonOptions(target, timeoutMs), ...(waits && WAITING) }
  if (target.mode === 'cluster')
    return new Cluster([...target.nodes], clusterOptions(target, options, timeoutMs))
  if (target.mode === 'sentinel') return new Redis({ ...options, ...sentinelOptions(target, timeoutMs) })
  return new Redis({ ...options, ...target.nodes[0] })
}

const WAITING: Options = {
  enableOfflineQueue: true,
  autoResendUnfulfilledCommands: true,
  maxRetriesPerRequest: null,
  socketTimeout: SILENCE_MS,
}

function commonOptions({ username, password, db, tls }: RedisTarget, timeoutMs: number): Options {
  return {
    // What is used is the same in RESP3; RESP2 is spoken by every server and proxy.
    protocol: 2,
    connectionName: 'hippocache',
    disableClientInfo: true,
    lazyConnect: true,
    // Nothing waits for a server that is away, and nothing is sent twice: the caller hears of it at once.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    // A connection that says nothing for this long while an answer is due is dead: only a new one can recover.
    socketTimeout: 2 * timeoutMs,
    maxLoadingRetryTime: 1000,
    retryStrategy: pauseBefore,
    // After a failover the old master is a replica: connecting again finds the new one, by DNS or by sentinel.
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  }
}

function sentinelOptions(target: RedisTarget, timeoutMs: number): Options {
  const { nodes, master, tls, sentinelUsername, sentinelPassword } = target
  return {
    sentinels: nodes.map((node) => ({ ...node })),
    name: master as string,
    sentinelRetryStrategy: pauseBefore,
    sentinelCommandTimeout: 2 * timeoutMs,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
  }
}

function clusterOptions({ tls }: RedisTarget, options: Options, timeoutMs: number) {
  const { retryStrategy: _, enableOfflineQueue, ...redisOptions } = options
  return {
    lazyConnect: true,
    enableOfflineQueue: enableOfflineQueue as boolean,
    clusterRetryStrategy: pauseBefore,
    slotsRefreshTimeout: 2 * timeoutMs,
    slotsRefreshInterval: 5000,
    redisOptions,
    // Names are kept as they are, because certificates are made out to names.
    ...(tls && { dnsLookup: ((host, found) => found(null, host)) satisfies DNSLookupFunction }),
  }
}

/** Milliseconds to wait before an attempt: doubling, with a bound, and spread so that sidecars do not march in step. */
function pauseBefore(attempt: number): number {
  const pause = Math.min(LONGEST_PAUSE_MS, 25 * 2 ** Math.min(attempt, 10))
  return Math.round(pause * (0.5 + Math.random() / 2))
}
