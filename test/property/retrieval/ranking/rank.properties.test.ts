import fc from 'fast-check'
import { expect, it } from 'vitest'
import { indexMemory, rankMemories } from '../../../../bench/lib/rank-memories.ts'

const WORDS = [
  'boat',
  'boats',
  'rain',
  'guitar',
  'instrument',
  'Anna',
  'she',
  'you',
  'May',
  '2023',
  '猫',
  '昨日',
  '?',
]
const MINUTE = 60_000

const memory = fc.record({
  id: fc.integer({ min: 0, max: 11 }).map((n) => `m${n}`),
  text: fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }).map((words) => words.join(' ')),
  speaker: fc.constantFrom('Anna', 'Bo', 'user'),
  role: fc.constantFrom('user', 'assistant'),
  conversationId: fc.constantFrom('c', 'd', null),
  turn: fc.option(fc.integer({ min: 1, max: 5 })),
  ordinal: fc.integer({ min: 0, max: 2 }),
  at: fc.integer({ min: 0, max: 20 }).map((n) => n * 10 * MINUTE),
  context: fc.constantFrom(undefined, 'which boat?', 'guitar or rain'),
  dense: fc
    .array(fc.integer({ min: -5, max: 5 }), { minLength: 4, maxLength: 4 })
    .map((numbers) => Float32Array.from(numbers, (n) => n / 10)),
})

const query = fc.array(fc.constantFrom(...WORDS, 'when', 'gitar', 'I'), { maxLength: 5 })
const dense = Float32Array.from([0.5, -0.5, 0.5, 0.5])

const plain = (ranked: ReturnType<typeof rankMemories>) =>
  ranked.map(({ parts, ...rest }) => ({ ...rest, parts: parts() }))

it('ranks the same candidates the same in any order', () => {
  const memories = fc.uniqueArray(memory, { maxLength: 20, selector: ({ id }) => id })
  const shuffled = memories.chain((all) =>
    fc.record({ all: fc.constant(all), other: fc.shuffledSubarray(all, { minLength: all.length }) }),
  )
  fc.assert(
    fc.property(shuffled, query, ({ all, other }, words) => {
      const question = words.join(' ')
      const ranked = plain(rankMemories(all.map(indexMemory), question, { dense }))
      expect(ranked).toHaveLength(all.length)
      expect(plain(rankMemories(other.map(indexMemory), question, { dense }))).toEqual(ranked)
    }),
    { numRuns: 300 },
  )
})
