import { join } from 'node:path'
import { createInProcessCache } from '../adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../adapters/in-process/scope-state.ts'
import type { RunExclusive } from '../adapters/qdrant/recovery.ts'
import { createRedisCache } from '../adapters/redis/cache.ts'
import { connectRedis, type RedisConnection } from '../adapters/redis/connection.ts'
import { createRedisScopeLock, type RedisScopeLockOptions } from '../adapters/redis/lock.ts'
import { createRedisScopeState } from '../adapters/redis/scope-state.ts'
import { openSqliteQueue } from '../adapters/sqlite/queue.ts'
import { openSqliteRecords } from '../adapters/sqlite/records.ts'
import { importIntakeLog } from '../cli/migration/intake-log.ts'
import { assertMigrationComplete } from '../cli/migration/migration-state.ts'
import { Ledger } from '../insight/ledger/ledger.ts'
import { storeIdentity } from '../memory/repositories/meta.ts'
import { assertSameEmbedder } from '../memory/store/embedder-guard.ts'
import type { CacheStore } from '../ports/cache-store.ts'
import type { Embedder } from '../ports/embedder.ts'
import type { LanguageModel } from '../ports/language-model.ts'
import type { LedgerEntry, RecordCall } from '../ports/ledger.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { RecordStore } from '../ports/records.ts'
import type { ScopeLock } from '../ports/scope-lock.ts'
import type { ScopeState } from '../ports/scope-state.ts'
import { tokenCounter } from '../text/token-counter.ts'
import { compose, type Services } from './compose.ts'
import type { Config } from './config.ts'

/** How much the meaning of a text counts beside its words, where a neural model embeds it. */
const NEURAL_INDEX = { weights: { dense: 0.5 } }

/** How long the start waits for Qdrant, milliseconds. */
const QDRANT_STARTUP_TIMEOUT_MS = 30_000

/**
 * Chooses the adapters and builds the engine on them: the one place that knows every adapter.
 * @throws {Error} in words for the operator when a backend cannot be opened
 */
export async function createServices(
  config: Config,
  log: Log,
  now: () => number = Date.now,
): Promise<Services> {
  // The store asks who embeds, and the ledger, which the embedder reports to, is in the store.
  const early: LedgerEntry[] = []
  let record: RecordCall = (entry) => early.push(entry)
  const embedder = await openEmbedder(
    config,
    (entry) => record(entry),
    (error) => log.warn('embedding model unavailable', { error: error.message }),
  )
  const runExclusive: RunExclusive = async (scope, task) => await scopeLock.run(scope, task)
  const records = await openRecords(config, embedder, log, config.redis && runExclusive)
  // Sidecars on one Qdrant share what they know of it; a file has a name of its own.
  const part = config.qdrant ? '' : `${await storeIdentity(records)}:`
  const { cache, scopeState, connection } = openCaches(config, part, now, log)
  // Nobody asks for a lock of a user before the engine is there.
  const takeOver: TakeOver = async (scope, left) => await services?.engine.takeOver(scope, left)
  const scopeLock = openScopeLock(config, records, connection, takeOver)
  let services: Services | undefined
  let queue: Queue | undefined
  try {
    const ledger = new Ledger({
      records,
      prices: config.prices,
      onFailure: (error, failure) =>
        log.warn('ledger write failed, will be retried', { ...failure, error: String(error) }),
    })
    record = ledger.record
    early.forEach(record)
    await assertMigrationComplete(records)
    await assertSameEmbedder(records, embedder)
    const model = await openLanguageModel(config, ledger.record)
    queue = model && (await openQueue(config, connection))
    const flushLock = openFlushLock(config, connection)
    services = compose(
      { records, cache, scopeState, scopeLock, flushLock, queue, embedder, model, ledger },
      {
        indexMaxBytes: config.indexMaxBytes,
        embeddingDeadlineMs: config.embeddingDeadlineMs,
        indexSettings: config.embedding ? NEURAL_INDEX : undefined,
        isShared: config.qdrant !== undefined && config.redis !== undefined,
        buffer: config.buffer,
        now,
        ...(model ? { countTokens: await tokenCounter() } : {}),
      },
      log,
    )
    await services.announcer.start()
    if (!config.qdrant) {
      const path = join(config.dataDir, 'intake.db')
      const turns = await importIntakeLog(path, {
        records,
        engine: services.engine,
        loadTokenCounter: tokenCounter,
      })
      if (turns > 0) log.info('turns imported from the intake log of an earlier version', { turns })
    }
    await services.buffer?.start()
    return services
  } catch (error) {
    await queue?.close()
    await scopeState.close()
    await cache.close()
    await records.close()
    throw error
  }
}

/**
 * The record store of the configuration.
 * @param runExclusive runs a task with the write lock of a scope; absent for a single sidecar
 * @throws {Error} naming the variables when it cannot be opened
 */
export async function openRecords(
  config: Config,
  embedder: Pick<Embedder, 'name' | 'dimensions'>,
  log?: Pick<Log, 'warn'>,
  runExclusive?: RunExclusive,
): Promise<RecordStore> {
  const { qdrant, dataDir } = config
  if (!qdrant) {
    const records = openSqliteRecords(join(dataDir, 'hippocache.db'))
    await records.check()
    return records
  }
  const { openQdrantRecords } = await import('../adapters/qdrant/records.ts')
  const onError = (error: string) => log?.warn('records unavailable', { error })
  return await openQdrantRecords({
    ...qdrant,
    embedder,
    startupTimeoutMs: QDRANT_STARTUP_TIMEOUT_MS,
    onError,
    runExclusive,
  })
}

/** Loaded where they are used: the client of a model takes longer to load than all else together. */
async function openLanguageModel(config: Config, record: RecordCall): Promise<LanguageModel | undefined> {
  const { languageModel, endpoint } = config
  if (!languageModel) return undefined
  const { openAiLanguageModel } = await import('../adapters/openai/language-model.ts')
  return openAiLanguageModel({ ...endpoint, ...languageModel, record })
}

/**
 * The embedder of the configuration.
 * @param onUnavailable told where the endpoint does not answer and can be done without for now
 * @throws {Error} naming the variables when the endpoint gives no vector
 */
export async function openEmbedder(
  config: Config,
  record?: RecordCall,
  onUnavailable?: (error: Error) => void,
): Promise<Embedder> {
  const { embedding, endpoint } = config
  if (!embedding) return lexicalEmbedder()
  const { openOpenAiEmbedder } = await import('../adapters/openai/embedder.ts')
  try {
    return await openOpenAiEmbedder({
      ...endpoint,
      ...embedding,
      onUnavailable,
      ...(record ? { record } : {}),
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const way =
      embedding.dimensions === undefined
        ? '. With EMBEDDING_DIMENSIONS set, the sidecar starts without it and ranks by words until it answers'
        : ''
    throw new Error(`EMBEDDING_MODEL, OPENAI_BASE_URL: no embedding to be had: ${reason}${way}`, { cause })
  }
}

/**
 * The two share one connection, where there is one.
 * @param part of the keys of the scope state: what is cached of memories is of one store
 */
function openCaches(
  config: Config,
  part: string,
  now: () => number,
  log: Pick<Log, 'info' | 'warn'>,
): { cache: CacheStore; scopeState: ScopeState; connection?: RedisConnection } {
  const { redis, cacheMaxEntries: maxEntries, cacheMaxBytes: maxBytes } = config
  if (!redis) {
    const bounds = { maxEntries, maxBytes, now }
    return { cache: createInProcessCache(bounds), scopeState: createInProcessScopeState(bounds) }
  }
  const connection = connectRedis(redis.target, redis.timeoutMs, ({ up, message }) =>
    up ? log.info('cache reachable', { cache: message }) : log.warn('cache unavailable', { error: message }),
  )
  const options = { connection, keyPrefix: redis.keyPrefix, maxValueBytes: maxBytes, now }
  const scopeState = createRedisScopeState({ ...options, keyPrefix: redis.keyPrefix + part })
  return { cache: createRedisCache(options), scopeState, connection }
}

/** Scopes that are flushed at once; most of them wait for a slot of the model then. */
const RUNS = 64

/**
 * Where the records are one process's, or nobody shares them, so is the queue, whatever Redis is used for: no other
 * sidecar on that Redis could do the work.
 */
async function openQueue(
  { redis, qdrant, dataDir }: Config,
  connection: RedisConnection | undefined,
): Promise<Queue> {
  if (!redis || !qdrant || !connection) {
    const queue = openSqliteQueue({ path: join(dataDir, 'queue.db'), concurrency: RUNS })
    await queue.check()
    return queue
  }
  const { createBullmqQueue } = await import('../adapters/bullmq/queue.ts')
  return createBullmqQueue({ ...redis, connection, concurrency: RUNS })
}

/** How long a flush that somebody asked for waits for one that another sidecar is at, milliseconds. */
const FLUSH_WAIT_MS = 60_000

/** Apart from the lock of writers, since a flush goes on for as long as a model thinks. */
function openFlushLock(
  { redis, qdrant }: Config,
  connection: RedisConnection | undefined,
): ScopeLock | undefined {
  if (!redis || !qdrant || !connection) return undefined
  const keyPrefix = `${redis.keyPrefix}flush:`
  return createRedisScopeLock({ keyPrefix, connection, waitMs: FLUSH_WAIT_MS })
}

type TakeOver = NonNullable<RedisScopeLockOptions['takeOver']>

/** A SQLite file is one process's: nobody else is asked who may write to it. */
function openScopeLock(
  { redis, qdrant }: Config,
  records: RecordStore,
  connection: RedisConnection | undefined,
  takeOver: TakeOver,
): ScopeLock {
  if (!redis || !qdrant || !connection) return createInProcessScopeLock()
  // What a commit may take when the store is slow, and three times that for the life of a lease.
  const commitMs = Math.min(20_000, Math.max(1000, qdrant.timeoutMs))
  const leaseMs = 3 * commitMs
  const isFinished = (scope: string) => records.isFinished?.(scope) ?? true
  return createRedisScopeLock({
    keyPrefix: redis.keyPrefix,
    connection,
    commitMs,
    leaseMs,
    waitMs: leaseMs + commitMs,
    takeOver,
    isFinished,
  })
}
