import { createInProcessCache } from '../../../../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../../../../sidecar/adapters/in-process/scope-state.ts'
import { sqliteClient } from '../../../../../sidecar/adapters/sqlite/client.ts'
import { openSqliteQueue } from '../../../../../sidecar/adapters/sqlite/queue.ts'
import { openSqliteRecords } from '../../../../../sidecar/adapters/sqlite/records.ts'
import { compose, type Services } from '../../../../../sidecar/app/compose.ts'
import { Ledger } from '../../../../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../../../../sidecar/insight/ledger/prices.ts'
import type { BufferZone } from '../../../../../sidecar/learning/buffer/buffer-zone.ts'
import type { Scope } from '../../../../../sidecar/memory/model/scope.ts'
import { type LanguageModel, ModelUnavailable } from '../../../../../sidecar/ports/language-model.ts'
import { createLog } from '../../../../../sidecar/ports/log.ts'
import {
  type Collection,
  type RecordStore,
  scrollAll,
  type Write,
} from '../../../../../sidecar/ports/records.ts'
import type { ScopeState } from '../../../../../sidecar/ports/scope-state.ts'
import { type Clock, stoppedClock } from '../../../../helpers/clock.ts'
import { TABLE, type TableModel, tableModel } from '../../../../helpers/learning/buffer/model.ts'
import { fakeTimers } from '../../../../helpers/learning/buffer/timers.ts'

/*
 * The composed services on a SQLite file, reporting each step from a posted turn to its memories. Runs in the process
 * that is killed and in the test, so it must not import Vitest.
 */

const ADA: Scope = { namespace: 'n', userId: 'ada' }
const KEY = 'n/ada'

export type Action = { post: [turn: number, content: string] } | { flush: 'available' | 'unavailable' }

/** The calls of a client, in order. The second post of turn 2 replaces a turn that is extracted already. */
export const ACTIONS: readonly Action[] = [
  { post: [1, 'I live in Leeds. I am a nurse'] },
  { post: [2, 'I have a cat'] },
  { flush: 'available' },
  { post: [3, 'I moved to Porto'] },
  { post: [2, 'I play the cello'] },
  { flush: 'unavailable' },
  { flush: 'available' },
]

export interface Pipeline {
  services: Services
  act: (nth: number) => Promise<void>
  state: () => Promise<unknown>
  close: () => Promise<void>
}

/** @param step called with the name of each step */
export async function openPipeline(path: string, step: (name: string) => void): Promise<Pipeline> {
  const clock = stoppedClock()
  const stored = openSqliteRecords(path)
  const records = reportingRecords(stored, step)
  const bounds = { maxEntries: 10, maxBytes: 100_000, now: clock.now }
  const model = tableModel(TABLE)
  const ledger = new Ledger({ records: stored, prices: parsePrices('') })
  const timers = fakeTimers(clock, sqliteClient())
  const queue = openSqliteQueue({ path: ':memory:', concurrency: 64, now: clock.now, timers })
  const services = compose(
    {
      records,
      cache: createInProcessCache(bounds),
      scopeState: reportingState(createInProcessScopeState(bounds), step),
      scopeLock: createInProcessScopeLock(),
      embedder: lexicalEmbedder(),
      model: reportingModel(model, step),
      queue,
      ledger,
    },
    {
      embeddingDeadlineMs: 5000,
      countTokens: (text) => Math.ceil(text.length / 4),
      now: clock.now,
      timers,
    },
    createLog('silent', () => {}),
  )
  const buffer = services.buffer as BufferZone
  await buffer.start()
  return {
    services,
    act: (nth) => act({ services, buffer, clock, model }, nth),
    state: () => stateOf(services, stored),
    async close() {
      await buffer.close()
      await queue.close()
      await services.engine.drained()
      await ledger.close()
      await stored.close()
    },
  }
}

interface Parts {
  services: Services
  buffer: BufferZone
  clock: Clock
  model: TableModel
}

const START = Date.parse('2026-03-01T09:00:00Z')

async function act({ services, buffer, clock, model }: Parts, nth: number): Promise<void> {
  const action = ACTIONS[nth] as Action
  // The same call has the same time in every process.
  clock.advance(START + nth * 1000 - clock.now())
  if ('post' in action) {
    const [turn, content] = action.post
    const messages = [{ role: 'user' as const, name: 'Ada', content }]
    await services.intake.add(ADA, { messages, conversationId: 'c', turn }, undefined)
    return
  }
  model.always(action.flush === 'available' ? undefined : unavailable)
  await buffer.flush(ADA)
}

function unavailable(): never {
  throw new ModelUnavailable('unreachable', 'unavailable', {})
}

/** The recalled memories and the stored records. */
async function stateOf({ engine, buffer, recall }: Services, stored: RecordStore) {
  const { memories } = await engine.list(ADA, { limit: 100, accept: () => true })
  const { found } = await recall.search(ADA, { query: 'Ada', topK: 100 })
  const all = async (collection: Collection) => {
    const payloads: Record<string, unknown>[] = []
    for await (const { payload } of scrollAll(stored, collection, KEY)) payloads.push(payload)
    return payloads
  }
  return {
    memories: memories
      .map(({ kind, text, version, sources }) => `${kind} ${text} v${version} ${sources.map((s) => s.turn)}`)
      .sort(),
    recalled: found.map(({ memory }) => memory.text).sort(),
    history: (await all('history'))
      .map((row) => `${row['event']} ${row['version']} ${row['before']} → ${row['after']}`)
      .sort(),
    turns: (await all('turns')).map(({ turn, state, revision }) => `${turn} ${state} ${revision}`).sort(),
    conversations: await all('conversations'),
    pending: buffer?.list(ADA).map(({ turn_id }) => turn_id),
  }
}

function reportingRecords(records: RecordStore, step: (name: string) => void): RecordStore {
  return {
    ...records,
    async commit(writes) {
      const kind = kindOf(writes)
      step(`${kind}: before the commit`)
      await records.commit(writes)
      step(`${kind}: after the commit`)
    },
  }
}

function kindOf(writes: readonly Write[]): string {
  const touches = (collection: Collection, how: 'put' | 'remove') =>
    writes.some((write) => write.collection === collection && how in write)
  if (touches('pending', 'remove')) return 'turn extracted'
  if (touches('memories', 'put') || touches('memories', 'remove')) return 'turn added'
  return touches('pending', 'put') ? 'flush failure' : 'other'
}

function reportingState(state: ScopeState, step: (name: string) => void): ScopeState {
  return {
    ...state,
    kind: state.kind,
    async bump(scope, what) {
      step(`${what}: before the bump`)
      const counters = await state.bump(scope, what)
      step(`${what}: after the bump`)
      return counters
    },
  }
}

function reportingModel(model: LanguageModel, step: (name: string) => void): LanguageModel {
  return {
    kind: model.kind,
    async complete(request) {
      const answer = await model.complete(request)
      step(`${request.purpose}: answered`)
      return answer
    },
  }
}
