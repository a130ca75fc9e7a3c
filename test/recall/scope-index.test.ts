import { describe, expect, it } from 'vitest'
import { ScopeIndex } from '../../sidecar/recall/scope-index.ts'
import { DAY, embedQuery, indexOf, memoryOf, search } from './helpers.ts'

const TEXTS = [
  'I planted tomatoes behind the garage.',
  'My brother repairs old radios.',
  'The train to Porto leaves at nine.',
  'We painted the kitchen yellow.',
]

const small = async () => indexOf(await Promise.all(TEXTS.map((text, i) => memoryOf(`m${i}`, text))))

describe('ScopeIndex', () => {
  it('answers the best first, never more than asked for or than there are', async () => {
    const index = await small()
    expect(await search(index, 'Who fixes radios?', 1)).toEqual(['m1'])
    expect(await search(index, 'tomatoes', 99)).toHaveLength(4)
    expect(await search(index, 'tomatoes', 0)).toEqual([])
    expect(await search(new ScopeIndex(), 'tomatoes')).toEqual([])
  })

  it('filters before the cut', async () => {
    const index = await small()
    const dense = await embedQuery('tomatoes')
    const ranked = index.rank('tomatoes', { limit: 3, dense, accept: (id) => id !== 'm0' })
    expect(ranked.map(({ id }) => id).sort()).toEqual(['m1', 'm2', 'm3'])
  })

  it('breaks ties by id', async () => {
    const index = indexOf(await Promise.all(['c', 'a', 'b'].map((id) => memoryOf(id, 'the same words here'))))
    expect(await search(index, 'the same words', 3)).toEqual(['a', 'b', 'c'])
  })

  it('replaces a memory of the same id, forgets a removed one, passes over an unknown id', async () => {
    const index = await small()
    index.upsert([await memoryOf('m1', 'My brother keeps bees.')])
    expect(index.size).toBe(4)
    expect(await search(index, 'bees', 1)).toEqual(['m1'])
    index.remove(['m1', 'nobody'])
    expect(index.size).toBe(3)
    expect(await search(index, 'bees', 4)).not.toContain('m1')
  })

  it('explains the score by its parts', async () => {
    const index = await small()
    const dense = await embedQuery('kitchen')
    for (const { score, parts } of index.rank('kitchen', { limit: 4, dense, explain: true })) {
      const sum = Object.values(parts ?? {}).reduce((a, b) => a + b, 0)
      expect(sum).toBeCloseTo(score, 12)
      expect(Object.keys(parts ?? {})).toEqual(expect.arrayContaining(['lexical', 'dense', 'speaker']))
    }
  })

  it('ranks without an embedding', async () => {
    const index = await small()
    expect(index.rank('yellow kitchen', { limit: 1 })[0]?.id).toBe('m3')
  })

  it('refuses a vector of another length and stays as it was', async () => {
    const index = await small()
    const odd = { ...(await memoryOf('m0', 'odd')), dense: new Float32Array(3) }
    expect(() => index.upsert([odd])).toThrow('384 dimensions, got 3')
    expect(() => index.rank('tomatoes', { limit: 1, dense: new Float32Array(3) })).toThrow(
      '384 dimensions, got 3',
    )
    expect(index.size).toBe(4)
    expect(await search(index, 'tomatoes', 1)).toEqual(['m0'])
  })

  it('grows with what it holds and shrinks with what it loses', async () => {
    const index = await small()
    const before = index.bytes
    index.upsert([await memoryOf('long', 'many different words '.repeat(50))])
    expect(index.bytes).toBeGreaterThan(before)
  })

  it('bounds what a single memory takes', async () => {
    const index = await small()
    const before = index.bytes
    index.upsert([await memoryOf('huge', Array.from({ length: 20_000 }, (_, i) => `word${i}`).join(' '))])
    expect(index.bytes - before).toBeLessThan(200_000)
  })
})

describe('signals', () => {
  it('finds the answer beside the question that it answers', async () => {
    const talk = { conversationId: 'c', at: 0 }
    const index = indexOf([
      await memoryOf('before', 'The office was loud again.', { ...talk, turn: 1 }),
      await memoryOf('answer', 'Lisbon, with my aunt.', {
        ...talk,
        turn: 2,
        context: 'Where did you spend the holidays?',
      }),
      await memoryOf('elsewhere', 'Madrid, with my boss.', { conversationId: 'd', turn: 1 }),
    ])
    expect(await search(index, 'Where were the holidays spent?', 1)).toEqual(['answer'])
  })

  it('does not carry words over a pause or into another conversation', async () => {
    const make = async (more: object) => {
      const index = indexOf([
        await memoryOf('a', 'Skiing was wonderful.', { conversationId: 'c', turn: 1, at: 0 }),
        await memoryOf('b', 'Ask them about it.', { conversationId: 'c', turn: 2, at: 0, ...more }),
      ])
      const [second] = index.rank('skiing', { limit: 2, accept: (id) => id === 'b', explain: true })
      return second?.parts?.['lexical']
    }
    expect(await make({})).toBeGreaterThan(0)
    expect(await make({ at: DAY })).toBe(0)
    expect(await make({ conversationId: 'd' })).toBe(0)
  })

  it('prefers the speaker that the question names', async () => {
    const index = indexOf([
      await memoryOf('m1', 'I collect stamps.', { speaker: 'Ada Byron' }),
      await memoryOf('m2', 'I collect stamps.', { speaker: 'Bo' }),
    ])
    expect(await search(index, "What are Bo's collections?", 1)).toEqual(['m2'])
    expect(await search(index, 'What does Ada collect?', 1)).toEqual(['m1'])
  })

  it('takes "I" for the user and "you" for the assistant', async () => {
    const index = indexOf([
      await memoryOf('a', 'The recipe needs leeks.', { role: 'assistant', speaker: 'assistant' }),
      await memoryOf('u', 'The recipe needs leeks.', { role: 'user', speaker: 'user' }),
    ])
    expect(await search(index, 'What did I say of the recipe?', 1)).toEqual(['u'])
    expect(await search(index, 'What did you say of the recipe?', 1)).toEqual(['a'])
  })

  it('prefers what was said at the time that the question names', async () => {
    const index = indexOf([
      await memoryOf('may', 'I saw a play.', { at: Date.UTC(2023, 4, 9) }),
      await memoryOf('june', 'I saw a play.', { at: Date.UTC(2023, 5, 9) }),
      await memoryOf('last', 'I saw a play.', { at: Date.UTC(2024, 2, 6) }),
    ])
    expect(await search(index, 'Which play in May 2023?', 1)).toEqual(['may'])
    expect(await search(index, 'Which play on 8 June 2023?', 1)).toEqual(['june'])
    expect(await search(index, 'Which play last week?', 1, Date.UTC(2024, 2, 12))).toEqual(['last'])
  })

  it('prefers a memory with the kind of thing asked for', async () => {
    const index = indexOf([
      await memoryOf('a', 'The parcel came, at long length.'),
      await memoryOf('b', 'The parcel came on a Tuesday.'),
    ])
    expect(await search(index, 'When did the parcel come?', 1)).toEqual(['b'])
  })

  it('prefers a statement to a reaction', async () => {
    const index = indexOf([
      await memoryOf('a', 'You ran your marathon in the rain.'),
      await memoryOf('b', 'I ran my marathon in the rain.'),
    ])
    expect(await search(index, 'marathon', 1)).toEqual(['b'])
  })

  it.each([
    ['What does the vegetarain order?', 'The vegetarian menu was sold out.'],
    ['Which instrument is it?', 'The cello stands in the hall.'],
    ['Who is the employer?', 'That company pays late.'],
    ['Did they go skating?', 'They went there to skate.'],
  ])('finds by spelling, kind and kinship: %s', async (query, text) => {
    const others = TEXTS.map((one, i) => memoryOf(`m${i}`, one))
    const index = indexOf(await Promise.all([...others, memoryOf('wanted', text)]))
    expect(await search(index, query, 1)).toEqual(['wanted'])
  })

  it('lets the vectors bring up a memory that shares no word', async () => {
    const axis = (at: number) => Float32Array.from({ length: 384 }, (_, i) => (i === at ? 1 : 0))
    const index = new ScopeIndex({ weights: { dense: 0.5 } })
    index.upsert([
      { ...(await memoryOf('a', 'Aspirin is in the drawer.')), dense: axis(0) },
      { ...(await memoryOf('b', 'Candles are in the drawer.')), dense: axis(1) },
    ])
    expect(index.rank('headache', { limit: 1, dense: axis(0) })[0]?.id).toBe('a')
    expect(index.rank('headache', { limit: 1, dense: axis(1) })[0]?.id).toBe('b')
  })
})
