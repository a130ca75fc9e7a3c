import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessCache } from '../../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { compose } from '../../../sidecar/app/compose.ts'
import { Ledger } from '../../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../../sidecar/insight/ledger/prices.ts'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { DEFAULT_RULES } from '../../../sidecar/memory/rules/rules.ts'
import { createLog } from '../../../sidecar/ports/log.ts'
import type { ScopeLock } from '../../../sidecar/ports/scope-lock.ts'
import { type Fault, naiveScopeLock } from '../../contract/naive-scope-lock.ts'
import { ADA } from '../../helpers/engine.ts'
import { openMemoryRecords } from '../../helpers/sqlite.ts'

/** Two services as in two processes, on one store, one scope state and one lock. */
function two(...faults: Fault[]) {
  const records = openMemoryRecords()
  onTestFinished(() => records.close())
  const bounds = { maxEntries: 1000, maxBytes: 1e7 }
  const scopeState = createInProcessScopeState(bounds)
  const { lock, peer } = naiveScopeLock(...faults)
  const open = (scopeLock: ScopeLock) =>
    compose(
      {
        records,
        cache: createInProcessCache(bounds),
        scopeState,
        scopeLock,
        embedder: lexicalEmbedder(),
        model: undefined,
        ledger: new Ledger({ records, prices: parsePrices('') }),
      },
      { embeddingDeadlineMs: 60_000, isShared: true },
      createLog('silent', () => {}),
    )
  return [open(lock), open(peer)] as const
}

const TEXTS = Array.from({ length: 12 }, (_, i) => `I own a house with ${i + 2} rooms in town number ${i}.`)

async function turnsOf(services: ReturnType<typeof two>) {
  const added = await Promise.all(
    TEXTS.map((content, i) =>
      addTurn(services[i % 2 ? 1 : 0].engine, ADA, {
        conversationId: 'c',
        messages: [{ role: 'user', content }],
        idempotencyKey: `call ${i}`,
      }),
    ),
  )
  return added.map(({ turn }) => turn as number).sort((a, b) => a - b)
}

async function versionsOf(services: ReturnType<typeof two>) {
  const put = await Promise.all(
    TEXTS.map((custom_instructions, i) =>
      services[i % 2 ? 1 : 0].ruleBook.put('default', null, { ...DEFAULT_RULES, custom_instructions }),
    ),
  )
  return put.map(({ version }) => version).sort((a, b) => a - b)
}

const EACH = TEXTS.map((_, i) => i + 1)

describe('two services on one store', () => {
  it('give each turn its own number', async () => {
    expect(await turnsOf(two())).toEqual(EACH)
  })

  it('give each version of the rules its own number', async () => {
    expect(await versionsOf(two())).toEqual(EACH)
  })

  it('give duplicate numbers without a shared lock', async () => {
    expect(await turnsOf(two('does not share locks between processes'))).not.toEqual(EACH)
    expect(await versionsOf(two('does not share locks between processes'))).not.toEqual(EACH)
  })

  it('erase everything written before a concurrent forget', async () => {
    const [one, other] = two()
    await turnsOf([one, other])
    const late = { conversationId: 'c', messages: [{ role: 'user' as const, content: 'I play the cello.' }] }
    await Promise.all([one.engine.forget(ADA), addTurn(other.engine, ADA, late)])
    const { memories } = await one.engine.list(ADA, { limit: 100, accept: () => true })
    expect(memories.map(({ text }) => text).filter((text) => text !== 'I play the cello.')).toEqual([])
    const { memories: seen } = await other.engine.list(ADA, { limit: 100, accept: () => true })
    expect(seen).toEqual(memories)
  })
})
