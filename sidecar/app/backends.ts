import { dirname } from 'node:path'
import { difyEmbedder } from '../adapters/dify/embedder.ts'
import { difyLanguageModel } from '../adapters/dify/language-model.ts'
import { createModelRequests, type WaitingRequests } from '../adapters/dify/model-requests.ts'
import { createInProcessCache } from '../adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../adapters/in-process/scope-state.ts'
import type { LocalEmbedderOptions } from '../adapters/local/embedder.ts'
import type { OpenAiEmbedderOptions } from '../adapters/openai/embedding/embedder.ts'
import type { RunExclusive } from '../adapters/qdrant/recovery.ts'
import { createRedisCache } from '../adapters/redis/cache.ts'
import { connectRedis, type RedisConnection } from '../adapters/redis/connection.ts'
import { createRedisScopeLock, type RedisScopeLockOptions } from '../adapters/redis/lock.ts'
import { createRedisScopeState } from '../adapters/redis/scope-state.ts'
import { openReranker } from '../adapters/rerank/reranker.ts'
import { openSqliteQueue } from '../adapters/sqlite/queue.ts'
import { openSqliteRecords } from '../adapters/sqlite/records.ts'
import { parseScopeKey } from '../memory/model/scope.ts'
import { storeIdentity } from '../memory/repositories/meta.ts'
import type { CacheStore } from '../ports/cache-store.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { LanguageModel } from '../ports/language-model.ts'
import type { RecordCall } from '../ports/ledger.ts'
import type { Log } from '../ports/log.ts'
import type { RecordStore } from '../ports/records.ts'
import type { ScopeLock } from '../ports/scope-lock.ts'
import type { ScopeState } from '../ports/scope-state.ts'
import { type Config, DIFY } from './config.ts'
import type { Topology } from './topology.ts'

/** Prefix of the names of models that run in this process. */
const LOCAL = 'local:'
/** Milliseconds until the start reports that it waits for the folder. */
const SQLITE_PATIENCE_MS = 10_000
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
    return await openSqlite(topology.path)
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

/**
 * The first read reports why the file could not be opened. There is no deadline: an upgrade of a large file takes
 * minutes, and a network file system may become available again.
 */
async function openSqlite(path: string): Promise<RecordStore> {
  const records = openSqliteRecords(path)
  const folder = JSON.stringify(dirname(path))
  const waiting = setTimeout(() => {
    console.error(
      `DATA_DIR: ${folder} has not answered for ${SQLITE_PATIENCE_MS / 1000} s. The sidecar waits for it; unless it upgrades a large file, check the disk or the network file system.`,
    )
  }, SQLITE_PATIENCE_MS)
  try {
    await records.scopes('meta', { limit: 1 })
    return records
  } finally {
    clearTimeout(waiting)
  }
}

const namespaceOf = (scope: string) => parseScopeKey(scope).namespace

/** Absent if no model is one of Dify. */
export function openModelRequests({
  languageModel,
  embedding,
  endpoint,
}: Pick<Config, 'languageModel' | 'embedding' | 'endpoint'>): WaitingRequests | undefined {
  const completes = languageModel?.model === DIFY
  const embedded = embedding && difyEmbeddingOf(embedding)
  if (!completes && !embedded) return undefined
  return createModelRequests({ namespaceOf, answerMs: endpoint.timeoutMs, completes, embedding: embedded })
}

/** Imports the client on demand, because it takes longer to load than everything else together. */
export async function openLanguageModel(
  config: Config,
  record: RecordCall,
  requests = openModelRequests(config),
): Promise<LanguageModel | undefined> {
  const { languageModel, endpoint } = config
  if (!languageModel) return undefined
  if (requests?.completes) return difyLanguageModel({ requests, record })
  const { openAiLanguageModel } = await import('../adapters/openai/chat/language-model.ts')
  return openAiLanguageModel({ ...endpoint, ...languageModel, record })
}

/** An embedding model that nodes choose, by its name in Dify; `undefined` for other models. */
function difyEmbeddingOf({ model, dimensions }: NonNullable<Config['embedding']>) {
  const prefix = `${DIFY}:`
  // The configuration requires the dimensions.
  if (!model.startsWith(prefix) || dimensions === undefined) return undefined
  return { model: model.slice(prefix.length).trim(), dimensions }
}

/**
 * @param on `onUnavailable`: the endpoint does not answer, and the sidecar can start without it
 * @param requests those that clients take; a command has no clients
 * @throws {Error} naming the variables when the endpoint returns no vector
 */
export async function openEmbedder(
  config: Config,
  record: RecordCall = () => {},
  on?: Pick<OpenAiEmbedderOptions, 'onUnavailable' | 'onRefused'>,
  requests = openModelRequests(config),
): Promise<Embedder> {
  const { embedding, endpoint, dataDir } = config
  if (!embedding) return lexicalEmbedder()
  if (requests?.embedding) {
    return difyEmbedder({ ...embedding, ...requests.embedding, namespaceOf, record, requests })
  }
  if (embedding.model.startsWith(LOCAL)) return await openLocal({ ...embedding, dataDir })
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

async function openLocal(options: LocalEmbedderOptions): Promise<Embedder> {
  const { openLocalEmbedder } = await import('../adapters/local/embedder.ts')
  try {
    return await openLocalEmbedder({ ...options, model: options.model.slice(LOCAL.length) })
  } catch (cause) {
    throw new Error(`EMBEDDING_MODEL: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}

/** @param onFailure called with the reason when a call is late or fails */
export function createReranker({ reranker }: Config, onFailure: (error: Error) => void) {
  return reranker && openReranker({ ...reranker, onFailure })
}

/** The caches, and what the queue and the locks share with them: the Redis and the prefix of all keys of the store. */
export interface Caches {
  cache: CacheStore
  scopeState: ScopeState
  redis?: { connection: RedisConnection; keyPrefix: string }
}

export async function openCaches(
  { cache, isShared }: Pick<Topology, 'cache' | 'isShared'>,
  { cacheMaxEntries: maxEntries, cacheMaxBytes: maxBytes }: Pick<Config, 'cacheMaxEntries' | 'cacheMaxBytes'>,
  records: RecordStore,
  log: Log,
): Promise<Caches> {
  if (cache.kind === 'in-process') {
    const bounds = { maxEntries, maxBytes }
    return { cache: createInProcessCache(bounds), scopeState: createInProcessScopeState(bounds) }
  }
  const connection = connectRedis(cache.target, cache.timeoutMs, ({ up, message }) =>
    up ? log.info('cache reachable', { cache: message }) : log.warn('cache unavailable', { error: message }),
  )
  const lock = isShared ? createRedisScopeLock({ connection, keyPrefix: cache.keyPrefix }) : undefined
  let identity: string
  try {
    identity = await storeIdentity(records, lock)
  } catch (error) {
    connection.close()
    throw error
  }
  const keyPrefix = `${cache.keyPrefix}${identity}:`
  const options = { connection, keyPrefix, maxValueBytes: maxBytes }
  return {
    cache: createRedisCache(options),
    scopeState: createRedisScopeState(options),
    redis: { connection, keyPrefix },
  }
}

export async function openQueue(queue: Topology['queue'], redis: Caches['redis']) {
  if (queue.kind === 'sqlite') {
    const opened = openSqliteQueue({ path: queue.path, concurrency: FLUSHES_AT_ONCE })
    await opened.check()
    return opened
  }
  const { createBullmqQueue } = await import('../adapters/bullmq/queue.ts')
  return createBullmqQueue({ ...queue, ...required(redis), concurrency: FLUSHES_AT_ONCE })
}

/** `flushLock` is separate from the write lock, because a flush lasts as long as its model calls. */
export function openLocks(
  locks: Topology['locks'],
  records: RecordStore,
  redis: Caches['redis'],
  takeOver: RedisScopeLockOptions['takeOver'],
): { scopeLock: ScopeLock; flushLock?: ScopeLock } {
  if (locks.kind === 'in-process') return { scopeLock: createInProcessScopeLock() }
  const { commitMs } = locks
  const leaseMs = 3 * commitMs
  const { connection, keyPrefix } = required(redis)
  const scopeLock = createRedisScopeLock({
    connection,
    keyPrefix,
    commitMs,
    leaseMs,
    waitMs: leaseMs + commitMs,
    takeOver,
    isFinished: (scope) => records.isFinished?.(scope) ?? true,
  })
  const flush = { keyPrefix: `${keyPrefix}flush:`, waitMs: FLUSH_WAIT_MS }
  return { scopeLock, flushLock: createRedisScopeLock({ connection, ...flush }) }
}

/** The topology has a Redis queue and Redis locks only with a Redis cache, which opens the connection. */
function required(redis: Caches['redis']): NonNullable<Caches['redis']> {
  if (!redis) throw new Error('expected a Redis connection for the queue and the locks, got none')
  return redis
}
