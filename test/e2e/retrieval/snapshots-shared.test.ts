import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessCache } from '../../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { openSqliteRecords } from '../../../sidecar/adapters/sqlite/records.ts'
import { compose } from '../../../sidecar/app/compose.ts'
import { Ledger } from '../../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../../sidecar/insight/ledger/prices.ts'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import { CacheUnavailable } from '../../../sidecar/ports/cache-store.ts'
import { createLog } from '../../../sidecar/ports/log.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import type { ScopeState } from '../../../sidecar/ports/scope-state.ts'
import { ADA } from '../../helpers/engine.ts'
import { NEEDS, NO_REDIS } from '../../helpers/redis-server.ts'
import { redisScopeState } from '../../helpers/scope-state-subject.ts'
import { useRedis } from '../../helpers/use-redis.ts'

const SCOPE = scopeKey(ADA)
const ALL = { limit: 100, accept: () => true }

/** One store; `open` starts a sidecar on it. */
function world() {
  const records = openSqliteRecords(':memory:')
  const lock = createInProcessScopeLock()
  onTestFinished(() => records.close())
  const open = (scopeState: ScopeState) => {
    let scans = 0
    let gate: Promise<void> | undefined
    const counted: RecordStore = {
      ...records,
      async scroll(collection, scope, options) {
        if (collection === 'memories') scans += 1
        const page = await records.scroll(collection, scope, options)
        if (collection === 'memories') await gate
        return page
      },
    }
    const switchable = awaySwitch(scopeState)
    const services = compose(
      {
        records: counted,
        cache: createInProcessCache({ maxEntries: 1, maxBytes: 1000 }),
        scopeState: switchable.state,
        scopeLock: lock,
        embedder: lexicalEmbedder(),
        model: undefined,
        ledger: new Ledger({ records, prices: parsePrices('') }),
      },
      { embeddingDeadlineMs: 60_000, isShared: true },
      createLog('silent', () => {}),
    )
    onTestFinished(async () => {
      switchable.away(false)
      await services.announcer.close()
    })
    const search = () =>
      services.recall.search(ADA, { query: 'What about Ada?', topK: 100, filter: undefined })
    return {
      services,
      scans: () => scans,
      away: switchable.away,
      holdAnnouncements: () => switchable.holdBack('bump'),
      say: (text: string) => addTurn(services.engine, ADA, { messages: [{ role: 'user', content: text }] }),
      texts: async () => (await search()).found.map(({ memory }) => memory.text).sort(),
      degraded: async () => (await search()).degraded,
      hold: () => {
        const { promise, resolve } = Promise.withResolvers<void>()
        gate = promise
        return () => {
          gate = undefined
          resolve()
        }
      },
    }
  }
  return { open, records }
}

function awaySwitch(inner: ScopeState) {
  let isAway = false
  const held: Partial<Record<keyof ScopeState, Promise<void>>> = {}
  const state = new Proxy(inner, {
    get(target, name: keyof ScopeState) {
      const member = target[name]
      if (typeof member !== 'function' || name === 'close') return member
      return async (...args: unknown[]) => {
        if (isAway) throw new CacheUnavailable('unreachable', 'the scope state is away')
        await held[name]
        return await (member as (...all: unknown[]) => unknown)(...args)
      }
    },
  })
  return {
    state,
    away: (yes: boolean) => {
      isAway = yes
    },
    /** Delays later calls of a method until the returned function is called. */
    holdBack: (name: keyof ScopeState) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held[name] = promise
      return resolve
    },
  }
}

/** Runs the suite on a scope state. `fresh` creates an empty one and returns a function that opens it per sidecar. */
function testSharedSnapshots(fresh: () => () => ScopeState) {
  function two() {
    const open = fresh()
    const { open: sidecar } = world()
    return { a: sidecar(open()), b: sidecar(open()) }
  }

  it('returns writes, corrections and removals of another sidecar with the next search', async () => {
    const { a, b } = two()
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

  it('reads the store again after a write of another sidecar, and not after its own', async () => {
    const { a, b } = two()
    await a.say('Ada likes tea.')
    await a.texts()
    await a.say('Ada lives in Kyoto.')
    expect(await a.texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
    expect(a.scans()).toBe(1)
    const { events } = await b.say('Ada plays the cello.')
    expect(await a.texts()).toHaveLength(3)
    expect(await a.texts()).toHaveLength(3)
    expect(a.scans()).toBe(2)
    await b.services.engine.remove(ADA, events[0]?.id as string)
    expect(await a.texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
    expect(a.scans()).toBe(3)
  })

  it('reads the store once for concurrent reads of one scope', async () => {
    const { a, b } = two()
    await a.texts()
    await b.say('Ada likes tea.')
    const release = a.hold()
    const before = a.scans()
    const reads = Array.from({ length: 10 }, () => a.texts())
    await expect.poll(a.scans).toBe(before + 1)
    release()
    for (const texts of await Promise.all(reads)) expect(texts).toEqual(['Ada likes tea.'])
    expect(a.scans()).toBe(before + 1)
  })

  it('runs at most one refresh of a scope at a time, and a later one for later writes', async () => {
    const { a, b } = two()
    await a.texts()
    await b.say('Ada likes tea.')
    const release = a.hold()
    const early = a.texts()
    await expect.poll(a.scans).toBe(2)
    await b.say('Ada lives in Kyoto.')
    const late = Array.from({ length: 5 }, () => a.texts())
    release()
    await early
    for (const texts of await Promise.all(late)) expect(texts).toHaveLength(2)
    expect(a.scans()).toBeLessThanOrEqual(3)
  })

  it('serves its own change before the change is announced', async () => {
    const { a, b } = two()
    await b.say('Ada likes tea.')
    await a.texts()
    const announce = a.holdAnnouncements()
    const said = a.say('Ada lives in Kyoto.')
    await expect.poll(() => b.services.engine.list(ADA, ALL).then(({ memories }) => memories.length)).toBe(2)
    expect(await a.texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
    announce()
    await said
    expect(await a.texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
    expect(a.scans()).toBe(1)
  })

  it('does not serve a snapshot whose scan started before a later write', async () => {
    const { a, b } = two()
    const { events } = await a.say('Ada likes tea.')
    const release = b.hold()
    const late = b.texts()
    await expect.poll(b.scans).toBe(1)
    await a.services.engine.remove(ADA, events[0]?.id as string)
    await a.say('Ada lives in Kyoto.')
    release()
    await late
    expect(await b.texts()).toEqual(['Ada lives in Kyoto.'])
  })

  it('returns its own and foreign writes that happen concurrently', async () => {
    const { a, b } = two()
    await a.say('Ada likes tea.')
    await Promise.all([a.texts(), b.texts()])
    for (let i = 0; i < 5; i++) {
      await Promise.all([a.say(`Ada counts to ${i} in Kyoto.`), b.say(`Ada counts to ${i} in Osaka.`)])
      const expected = 1 + 2 * (i + 1)
      expect(await a.texts()).toHaveLength(expected)
      expect(await b.texts()).toHaveLength(expected)
    }
  })

  it('reads the store and reports degraded `cache` while the scope state is unavailable, then recovers', async () => {
    const { a, b } = two()
    await a.say('Ada likes tea.')
    expect(await b.texts()).toEqual(['Ada likes tea.'])
    expect(await b.degraded()).toEqual([])
    for (const one of [a, b]) one.away(true)
    await a.say('Ada lives in Kyoto.')
    for (const one of [a, b]) {
      expect(await one.texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
      expect(await one.degraded()).toEqual(['cache'])
    }
    for (const one of [a, b]) one.away(false)
    await expect.poll(() => a.services.hasPendingNotices(SCOPE), { timeout: 15_000 }).toBe(false)
    for (const one of [a, b]) {
      expect(await one.texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
      expect(await one.degraded()).toEqual([])
    }
  })

  it('never misses an acknowledged write, for any interleaving of calls on two sidecars', async () => {
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
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
        const { a, b } = two()
        const nodes = { a, b }
        const held = new Map<string, string>()
        const running: Promise<unknown>[] = []
        for (const [i, { who, what, together, pick }] of steps.entries()) {
          const node = nodes[who]
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
      }),
      { numRuns: 40 },
    )
  }, 120_000)
}

describe('snapshots of sidecars that share a store', () => {
  describe('with an in-process scope state', () => {
    testSharedSnapshots(() => {
      const shared = createInProcessScopeState({ maxEntries: 1000, maxBytes: 1e8 })
      return () => shared
    })
  })

  describe.skipIf(NO_REDIS)(`on Redis ${NEEDS}`, () => {
    const redis = useRedis()
    let opened = 0
    const open = (keyPrefix: string) => {
      const state = redisScopeState(redis.url, { keyPrefix, maxValueBytes: 1e8 })
      onTestFinished(() => state.close())
      return state
    }
    testSharedSnapshots(() => {
      opened += 1
      const prefix = `fresh-${opened}:`
      return () => open(prefix)
    })

    it('rebuilds snapshots when Redis has lost the counters, or all data', async () => {
      await redis.admin.flushall()
      const { open: sidecar } = world()
      const [a, b] = [sidecar(open('shared:')), sidecar(open('shared:'))]
      await a.say('Ada likes tea.')
      await b.texts()
      await redis.admin.del('shared:{scope:default/ada}counters')
      await a.say('Ada lives in Kyoto.')
      expect(await b.texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
      await redis.admin.flushall()
      await b.say('Ada plays the cello.')
      expect(await a.texts()).toHaveLength(3)
      expect(await b.texts()).toHaveLength(3)
    })

    it('keeps serving while Redis is down and after it returns empty', async () => {
      await redis.admin.flushall()
      const { open: sidecar } = world()
      const [a, b] = [sidecar(open('shared:')), sidecar(open('shared:'))]
      await a.say('Ada likes tea.')
      await b.texts()
      await redis.server.kill()
      await a.say('Ada lives in Kyoto.')
      expect(await b.texts()).toHaveLength(2)
      await redis.server.start()
      await expect.poll(() => a.services.hasPendingNotices(SCOPE), { timeout: 15_000 }).toBe(false)
      await expect.poll(b.degraded, { timeout: 15_000 }).toEqual([])
      expect(await b.texts()).toHaveLength(2)
    })
  })
})
