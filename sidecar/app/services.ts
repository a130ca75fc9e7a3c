import { join } from 'node:path'
import { importIntakeLog } from '../cli/migration/intake-log.ts'
import { assertMigrationComplete } from '../cli/migration/migration-state.ts'
import { Ledger } from '../insight/ledger/ledger.ts'
import { logInvalidRecord } from '../memory/repositories/record.ts'
import { assertSameEmbedder } from '../memory/store/embedder-guard.ts'
import { updateSearchIndex } from '../memory/store/search-index.ts'
import type { LedgerEntry, RecordCall } from '../ports/ledger.ts'
import type { Log } from '../ports/log.ts'
import { tokenCounter } from '../text/token-counter.ts'
import {
  createReranker,
  openCaches,
  openEmbedder,
  openLanguageModel,
  openLocks,
  openModelRequests,
  openQueue,
  openRecords,
} from './backends.ts'
import { compose, type Services } from './compose.ts'
import type { Config } from './config.ts'
import { replayEnginesOf } from './replay-engine.ts'
import type { Topology } from './topology.ts'

/**
 * Opens the backends of the topology and builds the engine on them.
 * @throws {Error} for the operator when a backend cannot be opened
 */
export async function createServices(config: Config, topology: Topology, log: Log): Promise<Services> {
  await using opened = new AsyncDisposableStack()
  // The embedder reports its calls to the ledger, but the ledger needs the store, which needs the embedder.
  const early: LedgerEntry[] = []
  let record: RecordCall = (entry) => early.push(entry)
  const modelRequests = openModelRequests(config)
  const on = {
    onUnavailable: (error: Error) => log.warn('embedding model unavailable', { error: error.message }),
    onRefused: (error: Error) => log.warn('text refused by the embedding model', { error: error.message }),
  }
  const embedder = await openEmbedder(config, (entry) => record(entry), on, modelRequests)
  // The store uses the locks in the background, and their keys start with the identity of the store.
  const { promise: opening, resolve: setLocks } = Promise.withResolvers<ReturnType<typeof openLocks>>()
  const records = await openRecords(
    topology.records,
    embedder,
    log,
    topology.isShared ? async (scope, task) => await (await opening).scopeLock.run(scope, task) : undefined,
  )
  opened.defer(() => records.close())
  const { cache, scopeState, redis } = await openCaches(topology, config, records, log)
  opened.defer(() => cache.close())
  opened.defer(() => scopeState.close())
  // The lock is first acquired after the engine exists.
  const locks = openLocks(topology.locks, records, redis, async (scope, left) => {
    await services?.engine.takeOver(scope, left)
  })
  setLocks(locks)
  let services: Services | undefined
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
  const model = await openLanguageModel(config, record, modelRequests)
  const reranker = createReranker(config, (error) =>
    log.warn('reranker unavailable', { error: error.message }),
  )
  const queue = model && (await openQueue(topology.queue, redis))
  opened.defer(() => queue?.close())
  services = compose(
    {
      ...{ records, cache, scopeState, ...locks, queue, embedder, reranker, model, modelRequests, ledger },
      openReplayEngines: (ruleBook) => replayEnginesOf(config, ruleBook, embedder),
    },
    {
      embeddingDeadlineMs: config.embeddingDeadlineMs,
      strategies: { deadlineMs: config.recallDeadlineMs },
      isNeural: config.embedding !== undefined,
      isShared: topology.isShared,
      buffer: config.buffer,
      quotas: config.quotas,
      defaultRules: config.defaultRules,
      dictionary: config.dictionary,
      ...(model && { countTokens: await tokenCounter() }),
    },
    log,
  )
  await updateSearchIndex(records, locks.scopeLock, logInvalidRecord(log), (scopes, memories) =>
    log.info('memories indexed for search', { users: scopes, memories }),
  )
  await services.announcer.start()
  if (topology.records.kind === 'sqlite') {
    const turns = await importIntakeLog(join(config.dataDir, 'intake.db'), {
      records,
      engine: services.engine,
      loadTokenCounter: tokenCounter,
    })
    if (turns > 0) log.info('turns imported from the intake log of an earlier version', { turns })
  }
  await services.buffer?.start()
  services.missingVectors.start()
  opened.move()
  return services
}
