import { describe, expect, it } from 'vitest'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { scopeKey } from '../../../sidecar/memory/model/scope.ts'
import { scrollPending } from '../../../sidecar/memory/repositories/pending.ts'
import { AppError } from '../../../sidecar/ports/errors.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { ADA, type OpenEngine, openEngine } from '../../helpers/engine.ts'
import type { FactTable } from '../../helpers/memory-model.ts'

const BOB = { ...ADA, userId: 'bob' }
const TEA = 'Ada likes green tea.'
const FACTS: FactTable = {
  'in Leeds': [{ text: 'Ada lives in Leeds.', topic: 'basic_info', sub_topic: 'home' }],
}

/** Stores records in every collection of a user. */
async function fill({ say, hear, learn, engine, known }: OpenEngine): Promise<void> {
  await say(1, [TEA, 'Ada plays the cello.'])
  await learn(2, 'I live in Leeds.')
  await hear(3, 'I work in York.')
  await addTurn(engine, ADA, {
    conversationId: 'c',
    idempotencyKey: 'k',
    messages: [{ role: 'user', content: 'I have a boat.' }],
  })
  await engine.revise(ADA, (await known(TEA)).id, { text: 'Ada likes black tea.' }, null)
  await engine.remove(ADA, (await known('Ada plays the cello.')).id)
}

async function pendingOf(records: RecordStore, scope = ADA): Promise<number> {
  return (await Array.fromAsync(scrollPending(records, scopeKey(scope)))).length
}

async function findings({ recall }: OpenEngine, scope = ADA): Promise<string[]> {
  const { found } = await recall.search(scope, { query: 'tea', topK: 100 })
  return found.map(({ memory }) => memory.text).sort()
}

describe('forget', () => {
  it('erases every collection and answers the counts', async () => {
    const open = openEngine({ facts: FACTS })
    await fill(open)
    await addTurn(open.engine, BOB, { messages: [{ role: 'user', content: TEA }] })
    const bob = await open.dump(BOB)
    const held = await open.dump()
    expect(await findings(open)).toHaveLength(4)
    const counts = await open.engine.forget(ADA)
    expect(counts).toEqual({
      memories: 4,
      turns: 4,
      pending: 1,
      // The first version of the tea memory and the last of the cello memory.
      versions: 2,
      history: held['history']?.length,
      graph: 0,
      conversations: 1,
      calls: 1,
    })
    expect(counts['history']).toBe(6)
    for (const records of Object.values(await open.dump())) expect(records).toEqual([])
    expect(await pendingOf(open.records)).toBe(0)
    expect(await findings(open)).toEqual([])
    expect(await open.dump(BOB)).toEqual(bob)
    expect(await findings(open, BOB)).toEqual([TEA])
  })

  it('can be repeated', async () => {
    const open = openEngine()
    await fill(open)
    await open.engine.forget(ADA)
    const again = await open.engine.forget(ADA)
    expect(new Set(Object.values(again))).toEqual(new Set([0]))
    expect(new Set(Object.values(await open.engine.forget({ ...ADA, userId: 'unknown' })))).toEqual(
      new Set([0]),
    )
  })

  it('restarts turn numbers at 1, and new turns are remembered', async () => {
    const open = openEngine()
    await fill(open)
    await open.engine.forget(ADA)
    const added = await addTurn(open.engine, ADA, {
      conversationId: 'c',
      messages: [{ role: 'user', content: 'Ada plays the cello.' }],
    })
    expect(added).toMatchObject({ turn: 1, events: [{ event: 'ADD' }] })
    const { id, version } = await open.known('Ada plays the cello.')
    expect(version).toBe(1)
    expect(await open.engine.history(ADA, id)).toHaveLength(1)
  })

  it('discards extractions in flight', async () => {
    const open = openEngine({ facts: FACTS })
    const { turnId } = await open.hear(1, 'I live in Leeds.')
    const forgetting = Promise.withResolvers<unknown>()
    // The user is forgotten during the model call.
    const slow = open.asked.push.bind(open.asked)
    open.asked.push = (...requests) => {
      open.engine.forget(ADA).then(forgetting.resolve, forgetting.reject)
      return slow(...requests)
    }
    const learned = open.learner.learn(ADA, [turnId])
    await forgetting.promise
    await learned
    for (const records of Object.values(await open.dump())) expect(records).toEqual([])
  })

  it('erases more records than one page holds', async () => {
    const open = openEngine()
    const messages = Array.from({ length: 1010 }, (_, i) => ({
      role: 'user' as const,
      content: `Room ${i} has ${i * 7} chairs.`,
    }))
    await addTurn(open.engine, ADA, { messages })
    expect(await open.engine.forget(ADA)).toMatchObject({ memories: 1010, history: 1010, turns: 1 })
    for (const records of Object.values(await open.dump())) expect(records).toEqual([])
    expect(await findings(open)).toEqual([])
  })

  it('erases earlier turns and keeps later ones whole under concurrent adds', async () => {
    const { engine, all, dump } = openEngine()
    const add = (turn: number) =>
      addTurn(engine, ADA, {
        conversationId: 'c',
        messages: [
          { role: 'user', content: `Number ${turn} is lucky.` },
          { role: 'assistant', content: `Number ${turn} is not lucky.` },
        ],
      })
    const before = Array.from({ length: 20 }, (_, i) => add(i))
    const forgotten = engine.forget(ADA)
    const after = Array.from({ length: 20 }, (_, i) => add(100 + i))
    expect(await forgotten).toMatchObject({ memories: 40, turns: 20 })
    await Promise.all(before)
    const turns = (await Promise.all(after)).map(({ turn }) => turn)
    expect(turns).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect((await all()).map(({ text }) => text).sort()).toEqual(
      Array.from({ length: 20 }, (_, i) => [`Number ${100 + i} is lucky.`, `Number ${100 + i} is not lucky.`])
        .flat()
        .sort(),
    )
    expect((await dump())['history']).toHaveLength(40)
  })
})

describe('a store failure during forget', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'at commit %i leaves no erased memory recallable, and the next call completes',
    async (nth) => {
      let left = Number.POSITIVE_INFINITY
      const open = openEngine({
        facts: FACTS,
        wrapRecords: (records) => ({
          ...records,
          async commit(writes) {
            left -= 1
            if (left === 0) throw new AppError('backend_unavailable', 'broken')
            await records.commit(writes)
          },
        }),
      })
      await fill(open)
      await findings(open)
      left = nth
      await expect(open.engine.forget(ADA)).rejects.toMatchObject({ code: 'backend_unavailable' })
      // Searches find exactly what is stored.
      expect(await findings(open)).toEqual(await open.texts())
      if (nth > 1) expect(await findings(open)).toEqual([])
      await open.engine.forget(ADA)
      for (const records of Object.values(await open.dump())) expect(records).toEqual([])
      expect(await pendingOf(open.records)).toBe(0)
      expect((await open.say(1, TEA)).events).toMatchObject([{ event: 'ADD' }])
    },
  )
})
