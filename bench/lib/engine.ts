import { createInProcessCache } from '../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../sidecar/adapters/in-process/scope-state.ts'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import { compose, type Services } from '../../sidecar/app/compose.ts'
import { Ledger } from '../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../sidecar/insight/ledger/prices.ts'
import { createLog } from '../../sidecar/ports/log.ts'

/**
 * The engine of a sidecar in this process, lexical and in verbatim mode.
 * @param path SQLite file, or `:memory:`
 * @param now epoch milliseconds
 */
export function openEngine(path: string, now: () => number): Services {
  const records = openSqliteRecords(path)
  const bounds = { maxEntries: 1000, maxBytes: 1e8, now }
  return compose(
    {
      records,
      cache: createInProcessCache(bounds),
      scopeState: createInProcessScopeState(bounds),
      scopeLock: createInProcessScopeLock(),
      embedder: lexicalEmbedder(),
      model: undefined,
      ledger: new Ledger({ records, prices: parsePrices('') }),
    },
    { embeddingDeadlineMs: 60_000, now, strategies: { deadlineMs: 60_000 } },
    createLog('error', (line) => console.error(line)),
  )
}
