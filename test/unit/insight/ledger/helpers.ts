import { onTestFinished } from 'vitest'
import { Ledger, type LedgerOptions } from '../../../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../../../sidecar/insight/ledger/prices.ts'
import { scopeKey } from '../../../../sidecar/memory/model/scope.ts'
import type { LedgerEntry } from '../../../../sidecar/ports/ledger.ts'
import { type RecordStore, scrollAll } from '../../../../sidecar/ports/records.ts'
import { openMemoryRecords } from '../../../helpers/sqlite.ts'

export const NOON = Date.parse('2026-03-01T12:00:00Z')
export const DAY = 86_400_000

/** A successful call by Ada in namespace `default`. */
export function entry(rest: Partial<LedgerEntry> & { user?: string; namespace?: string } = {}): LedgerEntry {
  const { user = 'ada', namespace = 'default', ...fields } = rest
  return {
    scope: scopeKey({ namespace, userId: user }),
    conversationId: 'c-1',
    turn: 1,
    at: NOON,
    purpose: 'extract',
    model: 'gpt-4o-mini',
    tokensIn: 1000,
    tokensOut: 100,
    tokensCached: 0,
    latencyMs: 50,
    retries: 0,
    outcome: 'ok',
    ...fields,
  }
}

/** A ledger on a real store with fault injection. */
export function openLedger(options: Partial<LedgerOptions> = {}) {
  const store = openMemoryRecords()
  const faults: { commit?: ((commit: () => Promise<void>) => Promise<void>) | undefined } = {}
  const scrolls: unknown[] = []
  const records: RecordStore = {
    ...store,
    commit: (writes) => (faults.commit ? faults.commit(() => store.commit(writes)) : store.commit(writes)),
    scroll: (collection, scope, page) => {
      scrolls.push(page)
      return store.scroll(collection, scope, page)
    },
  }
  const ledger = new Ledger({ records, prices: parsePrices('gpt-4o-mini=0.15/0.6'), ...options })
  onTestFinished(async () => {
    faults.commit = undefined
    await ledger.close()
    await store.close()
  })
  return {
    ledger,
    store,
    faults,
    scrolls,
    stored: async (scope = 'default/') => await Array.fromAsync(scrollAll(store, 'ledger', scope)),
  }
}

export const broken = () => Promise.reject(new Error('disk full'))
