import type { Cluster, DNSLookupFunction, Redis, RedisOptions } from 'ioredis'
import type { RedisTarget } from './url.ts'

export type RedisClient = Redis | Cluster

type Options = Omit<RedisOptions, 'replyMapping'>

const CONNECT_TIMEOUT_MS = 5000
const MAX_RECONNECT_DELAY_MS = 2000
/** Socket timeout of a blocking connection, milliseconds; longer than any command blocks. */
const BLOCKING_SOCKET_TIMEOUT_MS = 30_000

/**
 * Creates a client that is not connected yet, for the topology of the target. Loads ioredis on first use.
 * @param isBlocking commands wait without limit for an unreachable server; for background workers only
 */
export async function createRedisClient(
  target: RedisTarget,
  timeoutMs: number,
  isBlocking = false,
): Promise<RedisClient> {
  const { Cluster, Redis } = await import('ioredis')
  const options = { ...commonOptions(target, timeoutMs), ...(isBlocking && BLOCKING) }
  if (target.mode === 'cluster')
    return new Cluster([...target.nodes], clusterOptions(target, options, timeoutMs))
  if (target.mode === 'sentinel') return new Redis({ ...options, ...sentinelOptions(target, timeoutMs) })
  return new Redis({ ...options, ...target.nodes[0] })
}

const BLOCKING: Options = {
  enableOfflineQueue: true,
  autoResendUnfulfilledCommands: true,
  maxRetriesPerRequest: null,
  socketTimeout: BLOCKING_SOCKET_TIMEOUT_MS,
}

function commonOptions({ username, password, db, tls }: RedisTarget, timeoutMs: number): Options {
  return {
    // Every server and proxy supports RESP2.
    protocol: 2,
    connectionName: 'hippocache',
    disableClientInfo: true,
    lazyConnect: true,
    // Commands fail immediately while the server is unreachable, and are never sent twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A connection that is silent this long while a reply is due is dead.
    socketTimeout: 2 * timeoutMs,
    maxLoadingRetryTime: 1000,
    retryStrategy: reconnectDelay,
    // After a failover the old master is a replica. Reconnecting finds the new master through DNS or sentinels.
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
    sentinelRetryStrategy: reconnectDelay,
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
    clusterRetryStrategy: reconnectDelay,
    slotsRefreshTimeout: 2 * timeoutMs,
    slotsRefreshInterval: 5000,
    redisOptions,
    // Certificates are issued for host names, so names must not be resolved to addresses.
    ...(tls && { dnsLookup: ((host, found) => found(null, host)) satisfies DNSLookupFunction }),
  }
}

/** Delay before a reconnection attempt, milliseconds: exponential with a limit and jitter. */
function reconnectDelay(attempt: number): number {
  const pause = Math.min(MAX_RECONNECT_DELAY_MS, 25 * 2 ** Math.min(attempt, 10))
  return Math.round(pause * (0.5 + Math.random() / 2))
}
