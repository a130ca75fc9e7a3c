import { createInProcessCache } from '../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../sidecar/adapters/in-process/scope-state.ts'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import { compose, type Services } from '../../sidecar/app/compose.ts'
import { Ledger } from '../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../sidecar/insight/ledger/prices.ts'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import { createLog } from '../../sidecar/ports/log.ts'

/**
 * The engine of a sidecar in this process, in verbatim mode and without an embedder lexical.
 * @param path SQLite file, or `:memory:`
 * @param now epoch milliseconds
 */
export function openEngine(
  path: string,
  now: () => number,
  { embedder = lexicalEmbedder(), isNeural = false }: { embedder?: Embedder; isNeural?: boolean } = {},
): Services {
  const records = openSqliteRecords(path)
  const bounds = { maxEntries: 1000, maxBytes: 1e8, now }
  return compose(
    {
      records,
      cache: createInProcessCache(bounds),
      scopeState: createInProcessScopeState(bounds),
      scopeLock: createInProcessScopeLock(),
      embedder,
      model: undefined,
      ledger: new Ledger({ records, prices: parsePrices('') }),
    },
    { embeddingDeadlineMs: 60_000, isNeural, now, strategies: { deadlineMs: 60_000 } },
    createLog('error', (line) => console.error(line)),
  )
}
