import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessCache } from '../../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { compose } from '../../../sidecar/app/compose.ts'
import { Ledger } from '../../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../../sidecar/insight/ledger/prices.ts'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { createLog } from '../../../sidecar/ports/log.ts'
import { ADA } from '../../helpers/engine.ts'
import { type FakeQdrant, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

/** Two sidecars with their own connections to one Qdrant, and with common locks and counters. */
async function openTwo(server: FakeQdrant, prefix: string) {
  const scopeLock = createInProcessScopeLock()
  const scopeState = createInProcessScopeState({ maxEntries: 1000, maxBytes: 1e8 })
  const embedder = lexicalEmbedder()
  const open = async () => {
    const runExclusive = (scope: string, task: () => Promise<void>) => scopeLock.run(scope, task)
    const records = await openOn(server.url, { prefix, embedder, runExclusive })
    const services = compose(
      {
        records,
        cache: createInProcessCache({ maxEntries: 1, maxBytes: 1000 }),
        scopeState,
        scopeLock,
        embedder,
        model: undefined,
        ledger: new Ledger({ records, prices: parsePrices('') }),
      },
      { embeddingDeadlineMs: 60_000, isShared: true },
      createLog('silent', () => {}),
    )
    return {
      services,
      say: (text: string) => addTurn(services.engine, ADA, { messages: [{ role: 'user', content: text }] }),
      async texts() {
        const { found } = await services.recall.search(ADA, { query: 'What about Ada?', topK: 100 })
        return found.map(({ memory }) => memory.text).sort()
      },
      async close() {
        await services.announcer.close()
        await records.close()
      },
    }
  }
  const [a, b] = [await open(), await open()]
  return { a, b, close: () => Promise.all([a.close(), b.close()]) }
}

describe('sidecars that share a Qdrant', () => {
  it('return writes, corrections and removals of another sidecar with the next search', async () => {
    await using server = await startFakeQdrant()
    const { a, b, close } = await openTwo(server, 'p_')
    onTestFinished(async () => void (await close()))
    expect(await b.texts()).toEqual([])
    const { events } = await a.say('Ada likes tea.')
    expect(await b.texts()).toEqual(['Ada likes tea.'])
    const id = events[0]?.id as string
    await b.services.engine.revise(ADA, id, { text: 'Ada likes coffee.' }, null)
    expect(await a.texts()).toEqual(['Ada likes coffee.'])
    await a.services.engine.remove(ADA, id)
    expect(await b.texts()).toEqual([])
    await b.say('Ada lives in Kyoto.')
    await a.services.engine.forget(ADA)
    expect(await b.texts()).toEqual([])
  })

  it('never miss an acknowledged write, for any interleaving of calls', async () => {
    await using server = await startFakeQdrant()
    let runs = 0
    const step = fc.record({
      who: fc.constantFrom('a' as const, 'b' as const),
      what: fc.constantFrom(
        'add' as const,
        'add' as const,
        'remove' as const,
        'read' as const,
        'clear' as const,
      ),
      together: fc.boolean(),
      pick: fc.nat(),
    })
    const property = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      const { a, b, close } = await openTwo(server, `run${runs++}_`)
      const held = new Map<string, string>()
      const running: Promise<unknown>[] = []
      for (const [i, { who, what, together, pick }] of steps.entries()) {
        const node = { a, b }[who]
        const act = async () => {
          if (what === 'add') {
            const { events } = await node.say(`Ada counts to ${i} in Kyoto.`)
            held.set(events[0]?.id as string, `Ada counts to ${i} in Kyoto.`)
          } else if (what === 'remove' && held.size > 0) {
            const id = [...held.keys()][pick % held.size] as string
            held.delete(id)
            await node.services.engine.remove(ADA, id).catch(() => {})
          } else if (what === 'clear') {
            held.clear()
            await node.services.engine.forget(ADA)
          } else await node.texts()
        }
        running.push(act())
        // The order of concurrent `forget` and `add` is undefined.
        if (together && what !== 'clear' && steps[i + 1]?.what !== 'clear') continue
        await Promise.all(running.splice(0))
        for (const one of [a, b]) expect(await one.texts()).toEqual([...held.values()].sort())
      }
      await Promise.all(running)
      await close()
    })
    await fc.assert(property, { numRuns: 15 })
  }, 120_000)
})
