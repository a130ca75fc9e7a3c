import { describe, expect, it } from 'vitest'
import { addTurn } from '../../../sidecar/learning/intake/add-turn.ts'
import { ADA, openEngine } from '../../helpers/engine.ts'
import type { FactTable } from '../../helpers/memory-model.ts'

const TEA = 'I like green tea.'
const KYOTO = 'I live in Kyoto.'
const FACTS: FactTable = {
  'green tea': [{ text: 'Ada likes green tea.', topic: 'preferences', sub_topic: 'food' }],
  Kyoto: [{ text: 'Ada lives in Kyoto.', topic: 'basic_info', sub_topic: 'home' }],
  matcha: [
    { text: 'Ada likes matcha.', topic: 'preferences', sub_topic: 'food', replaces: 'Ada likes green tea.' },
  ],
}

describe('a pending memory that is deleted', () => {
  it('is not extracted, and the rest of its message is', async () => {
    const { hear, engine, known, learner, texts, asked } = openEngine({ facts: FACTS })
    // Two parts of one message, because a memory has at most 1000 characters.
    const long = `${KYOTO} ${'It is a fine old city with many temples. '.repeat(24)}`
    const { turnId } = await hear(1, [TEA, long])
    await engine.remove(ADA, (await known(TEA)).id)
    await learner.learn(ADA, [turnId])
    expect(await texts()).toEqual(['Ada lives in Kyoto.'])
    expect(JSON.stringify(asked)).not.toContain('green tea')
  })

  it('is deleted alone where its message has several memories', async () => {
    const { hear, engine, all, learner, texts } = openEngine({ facts: FACTS })
    const filler = 'It is a fine old city with many temples. '
    const { turnId } = await hear(1, `${TEA} ${filler.repeat(30)} ${KYOTO} ${filler.repeat(5)}`)
    const first = (await all()).find(({ text }) => text.includes('green tea'))
    expect(first?.text).not.toContain('Kyoto')
    await engine.remove(ADA, first?.id as string)
    await learner.learn(ADA, [turnId])
    expect(await texts()).toEqual(['Ada lives in Kyoto.'])
  })

  it('is not extracted after its turn is posted again, unchanged or with another answer', async () => {
    const { hear, learn, engine, known, texts, asked } = openEngine({ facts: FACTS })
    await hear(1, [TEA, KYOTO])
    await engine.remove(ADA, (await known(TEA)).id)
    expect(await texts()).toEqual([KYOTO])
    await hear(1, [TEA, KYOTO])
    expect(await texts()).toEqual([KYOTO])
    await learn(1, [TEA, KYOTO, 'And this is another answer.'])
    expect(await texts()).toEqual(['Ada lives in Kyoto.'])
    const before = asked.length
    await learn(1, [TEA, KYOTO, 'And this is another answer.'])
    expect(asked.length).toBe(before)
  })

  it('is not restored verbatim', async () => {
    const { hear, say, engine, known, texts } = openEngine({ facts: FACTS })
    await hear(1, [TEA, KYOTO])
    await engine.remove(ADA, (await known(TEA)).id)
    await say(1, [TEA, KYOTO])
    expect(await texts()).toEqual([KYOTO])
  })
})

describe('a deleted memory', () => {
  it('is not restored by a repost of its turn, but by a new statement', async () => {
    const { learn, engine, known, texts } = openEngine({ facts: FACTS })
    await learn(1, TEA)
    await learn(2, 'Green is nice, and green tea is nicest.')
    await engine.remove(ADA, (await known('Ada likes green tea.')).id)
    for (const turn of [1, 2]) await learn(turn, [TEA, 'This is another answer.'])
    expect(await texts()).toEqual([])
    await learn(3, TEA)
    expect(await texts()).toEqual(['Ada likes green tea.'])
  })

  it('is not restored by its turn under its corrected text', async () => {
    const { learn, engine, known, texts } = openEngine({ facts: FACTS })
    await learn(1, TEA)
    await learn(2, 'I prefer matcha now.')
    await engine.remove(ADA, (await known('Ada likes matcha.')).id)
    await learn(2, ['I prefer matcha now.', 'This is another answer.'])
    expect(await texts()).toEqual([])
  })

  it('is not restored when its verbatim turn is extracted later', async () => {
    const { say, learn, hear, engine, known, texts, asked } = openEngine({ facts: FACTS })
    await say(1, [TEA, KYOTO])
    await engine.remove(ADA, (await known(TEA)).id)
    await hear(1, [TEA, KYOTO])
    expect(await texts()).toEqual([KYOTO])
    await learn(1, [TEA, KYOTO, 'This is another answer.'])
    expect(await texts()).toEqual(['Ada lives in Kyoto.'])
    expect(JSON.stringify(asked)).not.toContain('green tea')
  })

  it('is removed from the context of the next memory, whether that is added before or after the deletion', async () => {
    const { say, engine, recall, known, all } = openEngine()
    await say(1, 'I adore marzipan.')
    await say(2, [KYOTO, 'I work in Osaka.'])
    const lexical = async (query: string) => {
      const { found } = await recall.search(ADA, { query, topK: 10, threshold: 0, explain: true })
      const home = found.find(({ memory }) => memory.text === KYOTO)
      return home?.parts?.['lexical']
    }
    expect((await known(KYOTO)).context).toBe('I adore marzipan.')
    expect((await known('I work in Osaka.')).context).toBe(KYOTO)
    expect(await lexical('marzipan')).toBeGreaterThan(0)
    await engine.remove(ADA, (await known('I adore marzipan.')).id)
    expect((await known(KYOTO)).context).toBeNull()
    expect((await known('I work in Osaka.')).context).toBe(KYOTO)
    expect(await lexical('marzipan')).toBe(0)
    expect(await lexical('Kyoto')).toBeGreaterThan(0)
    // Turns that are posted again or late do not get it as context.
    await say(2, ['I live in Nara.'])
    await say(1, 'I adore marzipan.')
    await say(2, [KYOTO])
    for (const { context } of await all()) expect(context ?? '').not.toContain('marzipan')
  })

  it('is removed from the context of pending memories', async () => {
    const { learn, hear, engine, known } = openEngine({ facts: FACTS })
    await learn(1, TEA)
    await hear(2, 'I have it every day.')
    expect((await known('I have it every day.')).context).toBe(TEA)
    await engine.remove(ADA, (await known('Ada likes green tea.')).id)
    expect((await known('I have it every day.')).context).toBeNull()
  })

  it('leaves other contexts unchanged', async () => {
    const { say, engine, known } = openEngine()
    await say(1, [TEA, KYOTO])
    await say(2, 'I work in Osaka.')
    await engine.remove(ADA, (await known(TEA)).id)
    expect((await known('I work in Osaka.')).context).toBe(KYOTO)
  })
})

describe('a repeated statement', () => {
  it('of the original text of a corrected memory is a new memory', async () => {
    const { say, engine, known, texts, dump } = openEngine()
    await say(1, KYOTO)
    await engine.revise(ADA, (await known(KYOTO)).id, { text: 'I live in Osaka.' }, null)
    await say(1, KYOTO)
    expect(await texts()).toEqual(['I live in Osaka.'])
    const { events } = await say(2, KYOTO)
    expect(events).toMatchObject([{ event: 'ADD', memory: KYOTO }])
    expect(await texts()).toEqual([KYOTO, 'I live in Osaka.'])
    const before = (await dump())['memories']
    expect((await say(2, KYOTO)).events).toMatchObject([{ event: 'NOOP', memory: KYOTO }])
    expect((await dump())['memories']?.map(({ id }) => id)).toEqual(before?.map(({ id }) => id))
    await engine.remove(ADA, (await known(KYOTO)).id)
    await say(2, KYOTO)
    expect(await texts()).toEqual(['I live in Osaka.'])
  })

  it('renews an expired memory', async () => {
    const { say, engine, textsAt, clock, known } = openEngine()
    await say(1, TEA)
    const { id } = await known(TEA)
    await engine.revise(ADA, id, { expires_at: clock.now() + 60_000 }, null)
    clock.advance(3_600_000)
    const expired = clock.now()
    const { events } = await say(2, TEA)
    expect(events).toEqual([{ event: 'UPDATE', id, memory: TEA, previous: TEA }])
    expect(await known(TEA)).toMatchObject({ expires_at: null, version: 3 })
    expect(await textsAt(expired)).toEqual([])
    expect(await textsAt(clock.now())).toEqual([TEA])
    expect((await engine.history(ADA, id)).at(-1)).toMatchObject({
      event: 'UPDATE',
      reason: 'said again after it had expired',
      turn: 2,
    })
  })

  it('extends the expiry of a memory', async () => {
    const { engine, clock, known } = openEngine()
    const add = (turn: number, expiresAt: number | null) =>
      addTurn(
        engine,
        ADA,
        { conversationId: 'c', turn, messages: [{ role: 'user', content: TEA }] },
        { learn: false, expiresAt, countTokens: () => 0 },
      )
    await add(1, clock.now() + 1000)
    await add(2, clock.now() + 9000)
    await add(3, clock.now() + 5000)
    expect((await known(TEA)).expires_at).toBe(clock.now() + 9000)
    await add(4, null)
    expect((await known(TEA)).expires_at).toBeNull()
  })
})
