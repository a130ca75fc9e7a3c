import { describe, expect, it } from 'vitest'
import { rankMemories } from '../../../../bench/lib/rank-memories.ts'
import { NEURAL_SETTINGS } from '../../../../sidecar/retrieval/ranking/settings.ts'
import { DAY, embedQuery, indexOf, memoryOf, search } from '../helpers.ts'

const TEXTS = [
  'I planted tomatoes behind the garage.',
  'My brother repairs old radios.',
  'The train to Porto leaves at nine.',
  'We painted the kitchen yellow.',
]

const small = async () => indexOf(await Promise.all(TEXTS.map((text, i) => memoryOf(`m${i}`, text))))

describe('rank', () => {
  it('returns all candidates, best first', async () => {
    const index = await small()
    expect(await search(index, 'Who fixes radios?', 1)).toEqual(['m1'])
    expect(await search(index, 'tomatoes', 99)).toHaveLength(4)
    expect(await search([], 'tomatoes')).toEqual([])
  })

  it('orders equal scores by id', async () => {
    const index = indexOf(await Promise.all(['c', 'a', 'b'].map((id) => memoryOf(id, 'the same words here'))))
    expect(await search(index, 'the same words', 3)).toEqual(['a', 'b', 'c'])
  })

  it('explains a score by weighted parts, with whose sum it grows', async () => {
    const index = await small()
    const dense = await embedQuery('kitchen')
    const ranked = rankMemories(index, 'kitchen', { dense })
    const sums = ranked.map(({ parts }) => Object.values(parts()).reduce((a, b) => a + b, 0))
    expect(sums).toEqual(sums.toSorted((a, b) => b - a))
    for (const { score, parts } of ranked) {
      expect(score).toBeGreaterThan(0)
      expect(score).toBeLessThan(1)
      expect(Object.keys(parts())).toEqual(expect.arrayContaining(['lexical', 'grams', 'dense', 'speaker']))
    }
  })

  it('ranks lexically without a query embedding', async () => {
    expect(rankMemories(await small(), 'yellow kitchen')[0]?.id).toBe('m3')
  })

  it('bounds the terms of a single memory', async () => {
    const text = Array.from({ length: 2_000 }, (_, i) => `word${i}`).join(' ')
    const [huge] = indexOf([await memoryOf('huge', text)])
    expect(huge?.search.terms.length).toBeLessThanOrEqual(500)
  })
})

describe('signals', () => {
  it('find the answer next to the question that it answers', async () => {
    const talk = { conversationId: 'c', at: 0 }
    const index = indexOf([
      await memoryOf('before', 'The office was loud again.', { ...talk, turn: 1 }),
      await memoryOf('answer', 'Lisbon, with my aunt.', {
        ...talk,
        turn: 2,
        ordinal: 1,
        context: 'Where did you spend the holidays?',
      }),
      await memoryOf('elsewhere', 'Madrid, with my boss.', { conversationId: 'd', turn: 1 }),
    ])
    expect(await search(index, 'Where were the holidays spent?', 1)).toEqual(['answer'])
  })

  it('do not use words from another session or conversation', async () => {
    const make = async (more: object) => {
      const index = indexOf([
        await memoryOf('a', 'Skiing was wonderful.', { conversationId: 'c', turn: 1, at: 0 }),
        await memoryOf('b', 'Ask them about it.', { conversationId: 'c', turn: 2, at: 0, ...more }),
      ])
      return rankMemories(index, 'skiing')
        .find(({ id }) => id === 'b')
        ?.parts()['lexical']
    }
    expect(await make({})).toBeGreaterThan(0)
    expect(await make({ at: DAY })).toBe(0)
    expect(await make({ conversationId: 'd' })).toBe(0)
  })

  it('prefer the speaker that the query names', async () => {
    const index = indexOf([
      await memoryOf('m1', 'I collect stamps.', { speaker: 'Ada Byron' }),
      await memoryOf('m2', 'I collect stamps.', { speaker: 'Bo' }),
    ])
    expect(await search(index, "What are Bo's collections?", 1)).toEqual(['m2'])
    expect(await search(index, 'What does Ada collect?', 1)).toEqual(['m1'])
  })

  it('interpret "I" as the user and "you" as the assistant', async () => {
    const index = indexOf([
      await memoryOf('a', 'The recipe needs leeks.', { role: 'assistant', speaker: 'assistant' }),
      await memoryOf('u', 'The recipe needs leeks.', { role: 'user', speaker: 'user' }),
    ])
    expect(await search(index, 'What did I say of the recipe?', 1)).toEqual(['u'])
    expect(await search(index, 'What did you say of the recipe?', 1)).toEqual(['a'])
  })

  it('prefer memories from the time that the query names', async () => {
    const index = indexOf([
      await memoryOf('may', 'I saw a play.', { at: Date.UTC(2023, 4, 9) }),
      await memoryOf('june', 'I saw a play.', { at: Date.UTC(2023, 5, 9) }),
      await memoryOf('last', 'I saw a play.', { at: Date.UTC(2024, 2, 6) }),
    ])
    expect(await search(index, 'Which play in May 2023?', 1)).toEqual(['may'])
    expect(await search(index, 'Which play on 8 June 2023?', 1)).toEqual(['june'])
    expect(await search(index, 'Which play last week?', 1, Date.UTC(2024, 2, 12))).toEqual(['last'])
  })

  it('prefer a memory with the type of answer that the query asks for', async () => {
    const index = indexOf([
      await memoryOf('a', 'The parcel came, at long length.'),
      await memoryOf('b', 'The parcel came on a Tuesday.'),
    ])
    expect(await search(index, 'When did the parcel come?', 1)).toEqual(['b'])
  })

  it('prefer a statement to a reaction', async () => {
    const index = indexOf([
      await memoryOf('a', 'You ran your marathon in the rain.'),
      await memoryOf('b', 'I ran my marathon in the rain.'),
    ])
    expect(await search(index, 'marathon', 1)).toEqual(['b'])
  })

  it.each([
    ['Which instrument is it?', 'The cello stands in the hall.'],
    ['Who is the employer?', 'That company pays late.'],
    ['Did they go skating?', 'They went there to skate.'],
  ])('finds by kind and derivation: %s', async (query, text) => {
    const others = TEXTS.map((one, i) => memoryOf(`m${i}`, one))
    const index = indexOf(await Promise.all([...others, memoryOf('wanted', text)]))
    expect(await search(index, query, 1)).toEqual(['wanted'])
  })

  it.each([
    ['C#', 'I write C#', 'I write C++'],
    ['Who writes C++?', 'I write C++', 'I write C#'],
    ['.NET', 'We use .NET at work', 'We use the net at work'],
    ['A-', 'My grade is A-', 'My grade is A+'],
    ['grade A+', 'My grade is A+', 'My grade is A-'],
    ['$5', 'Tea costs $5', 'Tea costs €5'],
    ['-200', 'The balance is −200', 'The balance is 200'],
    ['x > 5', 'alert if x>5', 'alert if x < 5'],
    ['👎', 'My vote is 👎', 'My vote is 👍'],
    ['血液型 A-', '私の血液型はA-です', '私の血液型はA+です'],
    ['余额 -200', '我的余额是-200元', '我的余额是200元'],
    ['혈액형 A-', '제 혈액형은 A-입니다', '제 혈액형은 A+입니다'],
    ['Wer kann F#?', 'Ich lerne F#', 'Ich lerne F'],
    ['grupo 0-', 'Mi grupo es 0-', 'Mi grupo es 0+'],
  ])('prefer the memory with the symbol: %s', async (query, wanted, other) => {
    for (const ids of ['ab', 'ba']) {
      const [id = '', otherId = ''] = ids
      const index = indexOf([await memoryOf(id, wanted), await memoryOf(otherId, other)])
      expect(await search(index, query, 1)).toEqual([id])
      expect(rankMemories(index, query)[0]?.id).toBe(id)
    }
  })

  it.each([
    ['http retry policy', 'HttpRetryPolicy is in charge.'],
    ['HttpRetryPolicy', 'Our http_retry_policy is strict.'],
    ['max pool size', 'I set MAX_POOL_SIZE to 8.'],
    ['pass', 'Mein Reisepass liegt im Safe.'],
    ['Wo ist mein Pass?', 'Die Reisepässe liegen im Safe.'],
    ['Reisepass', 'Mein Pass liegt im Safe.'],
    ['паспорт', 'Загранпаспорт лежит в сейфе.'],
    ['загранпаспорт', 'Паспорт лежит в сейфе.'],
    ['verzekering', 'Mijn ziektekostenverzekering loopt tot mei.'],
    ['nummer', 'Mitt personnummer står på kortet.'],
  ])('find by parts of words: %s', async (query, text) => {
    const others = ['Der Kompass zeigt nach Norden.', 'Кошка спит на диване.', ...TEXTS]
    const memories = others.map((one, i) => memoryOf(`m${i}`, one))
    const index = indexOf(await Promise.all([...memories, memoryOf('wanted', text)]))
    expect(rankMemories(index, query)[0]?.id).toBe('wanted')
  })

  it('prefer the word itself to a compound of it', async () => {
    const index = indexOf([
      await memoryOf('a', 'Mein Reisepass liegt im Safe.'),
      await memoryOf('b', 'Mein Pass liegt im Safe.'),
    ])
    expect(await search(index, 'Pass', 1)).toEqual(['b'])
  })

  it('find a memory without shared words by its embedding', async () => {
    const axis = (at: number) => Float32Array.from({ length: 384 }, (_, i) => (i === at ? 0.99 : 0.01))
    const index = indexOf([
      { ...(await memoryOf('a', 'Aspirin is in the drawer.')), dense: axis(0) },
      { ...(await memoryOf('b', 'Candles are in the drawer.')), dense: axis(1) },
    ])
    const settings = NEURAL_SETTINGS
    expect(rankMemories(index, 'headache', { dense: axis(0), settings })[0]?.id).toBe('a')
    expect(rankMemories(index, 'headache', { dense: axis(1), settings })[0]?.id).toBe('b')
  })
})
