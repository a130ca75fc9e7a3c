import { join } from 'node:path'
import { createInProcessCache } from './adapters/cache/in-process.ts'
import { createRedisCache } from './adapters/cache/redis.ts'
import { lexicalEmbedder } from './adapters/embedder/lexical.ts'
import { openSqliteRecords } from './adapters/records/sqlite.ts'
import type { Config } from './config.ts'
import { Ledger } from './ledger/ledger.ts'
import type { Log } from './log.ts'
import { MemoryEngine } from './memory/engine.ts'
import type { CacheStore } from './ports/cache-store.ts'
import type { Embedder } from './ports/embedder.ts'
import type { RecordStore } from './ports/records.ts'
import { Recall } from './recall/recall.ts'
import { Snapshots } from './recall/snapshots.ts'
import { RuleBook } from './rules/rule-book.ts'
import { type AuthorCache, createAuthorCache } from './window/author-cache.ts'

export interface Services extends AsyncDisposable {
  records: RecordStore
  cache: CacheStore
  embedder: Embedder
  engine: MemoryEngine
  recall: Recall
  authorCache: AuthorCache
  ledger: Ledger
  ruleBook: RuleBook
}

/**
 * Chooses the adapters and builds the engine on them: the one place that knows every adapter.
 * @throws {Error} in words for the operator when a backend cannot be opened
 */
export function createServices(
  config: Config,
  now: () => number = Date.now,
  log: Pick<Log, 'info' | 'warn'> = { info() {}, warn() {} },
): Services {
  const records = openSqliteRecords(join(config.dataDir, 'hippocache.db'))
  const cache = openCache(config, now, log)
  const embedder = lexicalEmbedder()
  const snapshots = new Snapshots({ records, maxBytes: config.indexMaxBytes })
  const engine = new MemoryEngine({ records, embedder, onChange: (change) => snapshots.apply(change), now })
  const recall = new Recall({ snapshots, embedder, embeddingDeadlineMs: config.embeddingDeadlineMs, now })
  const ledger = new Ledger({
    records,
    prices: config.prices,
    onFailure: (error, trouble) => log.warn('ledger not written', { ...trouble, error: String(error) }),
  })
  return {
    records,
    cache,
    embedder,
    engine,
    recall,
    authorCache: createAuthorCache(cache, now),
    ledger,
    ruleBook: new RuleBook({ records, now }),
    async [Symbol.asyncDispose]() {
      await engine.drained()
      await ledger.close()
      await cache.close()
      await records.close()
    },
  }
}

function openCache(config: Config, now: () => number, log: Pick<Log, 'info' | 'warn'>): CacheStore {
  const { redis, cacheMaxEntries: maxEntries, cacheMaxBytes: maxBytes } = config
  if (!redis) return createInProcessCache({ maxEntries, maxBytes, now })
  return createRedisCache({
    ...redis,
    maxValueBytes: maxBytes,
    now,
    onState: ({ up, message }) =>
      up
        ? log.info('cache reachable', { cache: message })
        : log.warn('cache unavailable', { error: message }),
  })
}
