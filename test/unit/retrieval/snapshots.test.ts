import { describe, expect, it, onTestFinished } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../../sidecar/adapters/in-process/lock.ts'
import { openSqliteRecords } from '../../../sidecar/adapters/sqlite/records.ts'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { MemoryEngine } from '../../../sidecar/memory/engine/engine.ts'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { Snapshots } from '../../../sidecar/retrieval/snapshots.ts'

const ADA = { namespace: 'n', userId: 'ada' }

function open({ maxBytes = 64 * 1024 * 1024 } = {}) {
  const opened = openSqliteRecords(':memory:')
  let builds = 0
  let gate: Promise<void> | undefined
  let fail = false
  const records: RecordStore = {
    ...opened,
    async scroll(collection, scope, options) {
      if (!options.after) builds += 1
      const page = await opened.scroll(collection, scope, options)
      // Held here, a build has read the store and does not know what is committed from now on.
      await gate
      if (fail) throw new Error('scroll failed')
      return page
    },
  }
  const snapshots = new Snapshots({ records, maxBytes })
  const engine = new MemoryEngine({
    records,
    lock: createInProcessScopeLock(),
    embedder: lexicalEmbedder(),
    onChange: (change) => snapshots.applyAndAnnounce(change, async () => undefined),
  })
  onTestFinished(() => opened.close())
  return {
    snapshots,
    engine,
    builds: () => builds,
    add: (text: string, userId = 'ada') =>
      addTurn(engine, { namespace: 'n', userId }, { messages: [{ role: 'user', content: text }] }),
    texts: async (userId = 'ada') => {
      const snapshot = await snapshots.get(scopeKey({ namespace: 'n', userId }))
      expect(snapshot.index.size).toBe(snapshot.memories.size)
      return [...snapshot.memories.values()].map(({ text }) => text).sort()
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return () => {
        gate = undefined
        resolve()
      }
    },
    failing: (yes: boolean) => {
      fail = yes
    },
  }
}

describe('a snapshot', () => {
  it('is built once, however many ask for it at once', async () => {
    const { add, texts, builds } = open()
    await add('Ada likes tea.')
    const answers = await Promise.all(Array.from({ length: 50 }, () => texts()))
    expect(new Set(answers.flat())).toEqual(new Set(['Ada likes tea.']))
    expect(builds()).toBe(1)
  })

  it('is not built again for what is written later', async () => {
    const { add, texts, builds, engine } = open()
    expect(await texts()).toEqual([])
    const { events } = await add('Ada likes tea.')
    await add('Ada lives in Kyoto.')
    expect(await texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
    await engine.remove(ADA, events[0]?.id as string)
    expect(await texts()).toEqual(['Ada lives in Kyoto.'])
    expect(builds()).toBe(1)
  })

  it('takes over what is written and removed while it is being built', async () => {
    const { add, texts, hold, builds, engine } = open()
    const { events } = await add('Ada likes tea.')
    const release = hold()
    const early = texts()
    await add('Ada lives in Kyoto.')
    await engine.remove(ADA, events[0]?.id as string)
    const late = texts()
    release()
    expect(await late).toEqual(['Ada lives in Kyoto.'])
    await early
    expect(await texts()).toEqual(['Ada lives in Kyoto.'])
    expect(builds()).toBe(1)
  })

  it('that failed to build is rebuilt by the next request', async () => {
    const { add, texts, failing, builds } = open()
    await add('Ada likes tea.')
    failing(true)
    const outcomes = await Promise.allSettled([texts(), texts()])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    failing(false)
    expect(await texts()).toEqual(['Ada likes tea.'])
    expect(builds()).toBe(2)
  })

  it('that could not be built is no trouble for a write meanwhile', async () => {
    const { add, texts, failing, hold } = open()
    const release = hold()
    failing(true)
    const outcome = texts().catch((error: Error) => error.message)
    await add('Ada likes tea.')
    release()
    expect(await outcome).toBe('scroll failed')
    failing(false)
    await add('Ada lives in Kyoto.')
    expect(await texts()).toEqual(['Ada likes tea.', 'Ada lives in Kyoto.'])
  })

  it('makes room for others, the least recently used first, and none is wrong for it', async () => {
    const users = Array.from({ length: 12 }, (_, i) => `user${i}`)
    const probe = open()
    await probe.add('user0 likes tea.', 'user0')
    const size = (await probe.snapshots.get('n/user0')).index.bytes + 1024
    const { add, texts, builds } = open({ maxBytes: 5 * size })
    for (const user of users) await add(`${user} likes tea.`, user)
    for (const user of users) expect(await texts(user)).toEqual([`${user} likes tea.`])
    const before = builds()
    await texts('user11')
    expect(builds()).toBe(before)
    await texts('user0')
    expect(builds()).toBe(before + 1)
  })

  it('grows by what is written, and makes others go', async () => {
    const probe = open()
    await probe.add('user0 likes tea.', 'user0')
    const size = (await probe.snapshots.get('n/user0')).index.bytes + 1024
    const { add, texts, builds } = open({ maxBytes: 20 * size })
    await texts('ada')
    await texts('bob')
    for (let i = 0; i < 15; i++) await add(`Fact number ${i} is about ${i * 31}.`, 'bob')
    expect(await texts('bob')).toHaveLength(15)
    expect(builds()).toBe(2)
    for (let i = 15; i < 60; i++) await add(`Fact number ${i} is about ${i * 31}.`, 'bob')
    expect(await texts('bob')).toHaveLength(60)
    expect(builds()).toBe(3)
  })

  it('above the size limit is built for each request, with correct results', async () => {
    const { add, texts, builds } = open({ maxBytes: 3000 })
    for (let i = 0; i < 10; i++) await add(`Fact number ${i} is about ${i * 31}.`)
    expect(await texts()).toHaveLength(10)
    await add('Ada likes tea.')
    expect(await texts()).toHaveLength(11)
    expect(builds()).toBe(2)
  })
})
