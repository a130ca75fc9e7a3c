import { createInProcessCache } from '../../../../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { compose, type Services } from '../../../../../sidecar/app/compose.ts'
import { Ledger } from '../../../../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../../../../sidecar/insight/ledger/prices.ts'
import type { LanguageModel } from '../../../../../sidecar/ports/language-model.ts'
import { createLog } from '../../../../../sidecar/ports/log.ts'
import type { RecordStore } from '../../../../../sidecar/ports/records.ts'
import type { ScopeLock } from '../../../../../sidecar/ports/scope-lock.ts'
import type { ScopeState } from '../../../../../sidecar/ports/scope-state.ts'
import type { Clock } from '../../../clock.ts'
import { openMemoryQueue } from '../../../sqlite.ts'

export interface ServiceParts {
  records: RecordStore
  state: ScopeState
  lock: ScopeLock
  /** Whether other processes write to the same store. */
  isShared: boolean
  clock: Clock
  model: LanguageModel | undefined
  /** Receives the pending timers. */
  timers: Map<object, () => void>
  beforeCommit: () => Promise<void>
  afterCommit: () => void
}

/** Composes the real service on the given parts, as a starting process does. */
export function openService(parts: ServiceParts): Services {
  const records: RecordStore = {
    ...parts.records,
    async commit(writes) {
      await parts.beforeCommit()
      await parts.records.commit(writes)
      parts.afterCommit()
    },
  }
  const timers = {
    setTimeout: (task: () => void) => {
      const timer = { unref: () => {} }
      parts.timers.set(timer, task)
      return timer
    },
    clearTimeout: (timer: object) => parts.timers.delete(timer),
  } as unknown as Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
  return compose(
    {
      records,
      cache: createInProcessCache({ maxEntries: 1, maxBytes: 1000 }),
      scopeState: parts.state,
      scopeLock: parts.lock,
      embedder: lexicalEmbedder(),
      model: parts.model,
      queue: openMemoryQueue({ now: parts.clock.now, timers }),
      ledger: new Ledger({ records: parts.records, prices: parsePrices('') }),
    },
    {
      isShared: parts.isShared,
      // No deadline passes on a slow machine.
      embeddingDeadlineMs: 60_000,
      now: parts.clock.now,
      timers,
      strategies: { waitMs: 20, deadlineMs: 60_000 },
    },
    createLog('silent', () => {}),
  )
}
