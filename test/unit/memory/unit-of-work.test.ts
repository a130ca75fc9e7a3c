import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../../sidecar/adapters/in-process/lexical-embedder.ts'
import { UnitOfWork } from '../../../sidecar/memory/engine/unit-of-work.ts'
import type { Cause } from '../../../sidecar/memory/model/history.ts'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import { ADA, type OpenEngine, openEngine } from '../../helpers/engine.ts'

const TEA = 'Ada likes green tea.'
const BY_API: Cause = { actor: 'api' }

/** An engine with one stored memory. */
async function stored(): Promise<OpenEngine & { id: string; scope: string }> {
  const open = openEngine()
  const { events } = await open.say(1, TEA)
  return { ...open, id: events[0]?.id as string, scope: scopeKey(ADA) }
}

describe('a unit of work', () => {
  it('reads its own changes: a memory that ended in it continues as the next version', async () => {
    const { engine, scope, id } = await stored()
    await engine.change(scope, async (unit) => {
      const ended = await unit.end(id, unit.now, BY_API)
      expect(await unit.find(id)).toBeUndefined()
      expect((await unit.findEnded(id))?.memory).toEqual(ended)
      const back = await unit.add({ ...ended, text: 'Ada likes tea.' }, BY_API)
      expect(back.version).toBe(2)
      expect(await unit.findEnded(id)).toBeUndefined()
      await unit.revise(id, { text: 'Ada likes black tea.' }, BY_API)
    })
    expect(await engine.get(ADA, id)).toMatchObject({ version: 3, text: 'Ada likes black tea.' })
    expect((await engine.history(ADA, id)).map(({ event, version }) => `${event} ${version}`)).toEqual([
      'ADD 1',
      'DELETE 1',
      'RESTORE 2',
      'UPDATE 3',
    ])
    expect((await engine.restore(ADA, id, 2, null)).memory.text).toBe('Ada likes tea.')
  })

  it('stores a vector with every version, also with one that it created and replaced', async () => {
    const { engine, scope, id, recall, clock, dump } = await stored()
    clock.advance(1000)
    await engine.change(scope, async (unit) => {
      await unit.revise(id, { text: 'Ada likes black tea.', valid_from: unit.now - 500 }, BY_API)
      await unit.revise(id, { text: 'Ada likes white tea.', valid_from: unit.now }, BY_API)
    })
    clock.advance(1000)
    await engine.change(scope, async (unit) => {
      await unit.revise(id, { text: 'Ada likes no tea.', valid_from: unit.now - 500 }, BY_API)
      await unit.end(id, unit.now, BY_API)
    })
    const [vector] = await lexicalEmbedder().embed(['Ada likes black tea.'], 'document')
    const versions = (await dump())['versions'] ?? []
    expect(versions.find((record) => record.id === `${id}@2`)?.dense).toEqual(vector)
    for (const [ago, text] of [
      [1900, TEA],
      [1200, 'Ada likes black tea.'],
      [1000, 'Ada likes white tea.'],
      [200, 'Ada likes no tea.'],
    ] as const) {
      const { found } = await recall.search(ADA, { query: 'tea', topK: 5, asOf: clock.now() - ago })
      expect(found.map(({ memory }) => memory.text)).toEqual([text])
    }
    expect((await recall.search(ADA, { query: 'tea', topK: 5 })).found).toEqual([])
  })

  it('stores nothing if its task fails', async () => {
    const { engine, scope, id, dump } = await stored()
    const before = await dump()
    const failing = engine.change(scope, async (unit) => {
      await unit.revise(id, { text: 'Ada likes black tea.' }, BY_API)
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    expect(await dump()).toEqual(before)
    expect(await engine.get(ADA, id)).toMatchObject({ text: TEA, version: 1 })
  })

  it('embeds all new texts in one call, and no known text', async () => {
    const asked: string[][] = []
    const lexical = lexicalEmbedder()
    const open = openEngine({
      embedder: {
        ...lexical,
        embed: async (texts, ...rest) => {
          asked.push([...texts])
          return await lexical.embed(texts, ...rest)
        },
      },
    })
    const { events } = await open.say(1, [TEA, 'Ada lives in Kyoto.'])
    const id = events[0]?.id as string
    await open.engine.revise(ADA, id, { importance: 5 }, null)
    await open.engine.revise(ADA, id, { text: 'Ada likes black tea.' }, null)
    await open.engine.restore(ADA, id, undefined, null)
    await open.engine.remove(ADA, id)
    await open.engine.restore(ADA, id, undefined, null)
    expect(asked).toEqual([[TEA, 'Ada lives in Kyoto.'], ['Ada likes black tea.']])
  })
})

it('does not read memories of another user', async () => {
  const { records, id, clock } = await stored()
  const unit = new UnitOfWork(records, scopeKey({ ...ADA, userId: 'bob' }), clock.now())
  expect([await unit.find(id), await unit.findEnded(id), await unit.findPast(id, 1)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

it('takes the time of a change when the lock is acquired, not when the change is requested', async () => {
  const { engine, clock } = openEngine()
  const scope = scopeKey(ADA)
  const held = Promise.withResolvers<void>()
  const first = engine.change(scope, () => held.promise)
  const second = engine.change(scope, async ({ now }) => now)
  clock.advance(5000)
  held.resolve()
  await first
  expect(await second).toBe(clock.now())
})
