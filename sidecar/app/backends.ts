import { createInProcessCache } from '../adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../adapters/in-process/scope-state.ts'
import type { OpenAiEmbedderOptions } from '../adapters/openai/embedding/embedder.ts'
import type { RunExclusive } from '../adapters/qdrant/recovery.ts'
import { createRedisCache } from '../adapters/redis/cache.ts'
import { connectRedis, type RedisConnection } from '../adapters/redis/connection.ts'
import { createRedisScopeLock, type RedisScopeLockOptions } from '../adapters/redis/lock.ts'
import { createRedisScopeState } from '../adapters/redis/scope-state.ts'
import { openReranker } from '../adapters/rerank/reranker.ts'
import { openSqliteQueue } from '../adapters/sqlite/queue.ts'
import { openSqliteRecords } from '../adapters/sqlite/records.ts'
import { storeIdentity } from '../memory/repositories/meta.ts'
import type { CacheStore } from '../ports/cache-store.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { RecordCall } from '../ports/ledger.ts'
import type { Log } from '../ports/log.ts'
import type { RecordStore } from '../ports/records.ts'
import type { ScopeLock } from '../ports/scope-lock.ts'
import type { ScopeState } from '../ports/scope-state.ts'
import type { Config } from './config.ts'
import type { Topology } from './topology.ts'

/** How long the start waits for Qdrant, milliseconds. */
const QDRANT_STARTUP_TIMEOUT_MS = 30_000
/** Scopes that are flushed at once; most of them wait for a model call. */
const FLUSHES_AT_ONCE = 64
/** How long an explicit flush waits for a flush of the same scope in another sidecar, milliseconds. */
const FLUSH_WAIT_MS = 60_000

/**
 * @param runExclusive runs a task with the write lock of a scope; absent without other sidecars
 * @throws {Error} naming the variables when the store cannot be opened
 */
export async function openRecords(
  topology: Topology['records'],
  embedder: Pick<Embedder, 'name' | 'dimensions'>,
  log?: Pick<Log, 'warn'>,
  runExclusive?: RunExclusive,
): Promise<RecordStore> {
  if (topology.kind === 'sqlite') {
    const records = openSqliteRecords(topology.path)
    await records.check()
    return records
  }
  const { openQdrantRecords } = await import('../adapters/qdrant/records.ts')
  return await openQdrantRecords({
    ...topology,
    embedder,
    startupTimeoutMs: QDRANT_STARTUP_TIMEOUT_MS,
    onError: (error) => log?.warn('records unavailable', { error }),
    runExclusive,
  })
}

/** Imports the client on demand, because it takes longer to load than everything else together. */
export async function openLanguageModel({ languageModel, endpoint }: Config, record: RecordCall) {
  if (!languageModel) return undefined
  const { openAiLanguageModel } = await import('../adapters/openai/chat/language-model.ts')
  return openAiLanguageModel({ ...endpoint, ...languageModel, record })
}

/**
 * @param on `onUnavailable`: the endpoint does not answer, and the sidecar can start without it
 * @throws {Error} naming the variables when the endpoint returns no vector
 */
export async function openEmbedder(
  { embedding, endpoint }: Config,
  record?: RecordCall,
  on?: Pick<OpenAiEmbedderOptions, 'onUnavailable' | 'onRefused'>,
): Promise<Embedder> {
  if (!embedding) return lexicalEmbedder()
  const { openOpenAiEmbedder } = await import('../adapters/openai/embedding/embedder.ts')
  try {
    return await openOpenAiEmbedder({ ...endpoint, ...embedding, ...on, record })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const advice =
      '. With EMBEDDING_DIMENSIONS set, the sidecar starts without it and ranks by words until it answers'
    const hint = embedding.dimensions === undefined ? advice : ''
    throw new Error(`EMBEDDING_MODEL, OPENAI_BASE_URL: cannot embed a text: ${reason}${hint}`, { cause })
  }
}

/** @param onFailure called with the reason when a call is late or fails */
export function createReranker({ reranker }: Config, onFailure: (error: Error) => void) {
  return reranker && openReranker({ ...reranker, onFailure })
}

export async function openCaches(
  topology: Topology,
  { cacheMaxEntries: maxEntries, cacheMaxBytes: maxBytes }: Config,
  records: RecordStore,
  log: Log,
): Promise<{ cache: CacheStore; scopeState: ScopeState; connection?: RedisConnection }> {
  const { cache, areCountersPerFile } = topology
  if (cache.kind === 'in-process') {
    const bounds = { maxEntries, maxBytes }
    return { cache: createInProcessCache(bounds), scopeState: createInProcessScopeState(bounds) }
  }
  const connection = connectRedis(cache.target, cache.timeoutMs, ({ up, message }) =>
    up ? log.info('cache reachable', { cache: message }) : log.warn('cache unavailable', { error: message }),
  )
  const options = { ...cache, connection, maxValueBytes: maxBytes }
  const storePrefix = areCountersPerFile ? `${await storeIdentity(records)}:` : ''
  const scopeState = createRedisScopeState({ ...options, keyPrefix: cache.keyPrefix + storePrefix })
  return { cache: createRedisCache(options), scopeState, connection }
}

export async function openQueue(queue: Topology['queue'], connection: RedisConnection | undefined) {
  if (queue.kind === 'sqlite') {
    const opened = openSqliteQueue({ path: queue.path, concurrency: FLUSHES_AT_ONCE })
    await opened.check()
    return opened
  }
  const { createBullmqQueue } = await import('../adapters/bullmq/queue.ts')
  return createBullmqQueue({ ...queue, connection: required(connection), concurrency: FLUSHES_AT_ONCE })
}

/** `flushLock` is separate from the write lock, because a flush lasts as long as its model calls. */
export function openLocks(
  locks: Topology['locks'],
  records: RecordStore,
  connection: RedisConnection | undefined,
  takeOver: RedisScopeLockOptions['takeOver'],
): { scopeLock: ScopeLock; flushLock?: ScopeLock } {
  if (locks.kind === 'in-process') return { scopeLock: createInProcessScopeLock() }
  const { commitMs, ...redis } = locks
  const leaseMs = 3 * commitMs
  const scopeLock = createRedisScopeLock({
    ...redis,
    connection: required(connection),
    commitMs,
    leaseMs,
    waitMs: leaseMs + commitMs,
    takeOver,
    isFinished: (scope) => records.isFinished?.(scope) ?? true,
  })
  const flush = { keyPrefix: `${redis.keyPrefix}flush:`, waitMs: FLUSH_WAIT_MS }
  return { scopeLock, flushLock: createRedisScopeLock({ connection: required(connection), ...flush }) }
}

/** The topology has a Redis queue and Redis locks only with a Redis cache, which opens the connection. */
function required(connection: RedisConnection | undefined): RedisConnection {
  if (!connection) throw new Error('expected a Redis connection for the queue and the locks, got none')
  return connection
}
