import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type IndexedMemory, ScopeIndex } from '../../../sidecar/retrieval/ranking/scope-index.ts'

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

const step = fc.oneof(
  memory.map(({ context, ...rest }): IndexedMemory => ({ ...rest, ...(context && { context }) })),
  fc.integer({ min: 0, max: 11 }).map((n) => `m${n}`),
)

const query = fc.array(fc.constantFrom(...WORDS, 'when', 'gitar', 'I'), { maxLength: 5 })
const dense = Float32Array.from([0.5, -0.5, 0.5, 0.5])

it('ranks the same after any upserts and removals as an index built from the remaining memories', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), query, fc.nat(40), (steps, words, asked) => {
      const index = new ScopeIndex()
      const left = new Map<string, IndexedMemory>()
      const question = words.join(' ')
      steps.forEach((one, i) => {
        if (typeof one === 'string') {
          index.remove([one])
          left.delete(one)
        } else {
          index.upsert([one])
          left.set(one.id, one)
        }
        // A query between changes must not affect later ones.
        if (i === asked) index.rank(question, { limit: 3, dense })
      })
      const rebuilt = new ScopeIndex()
      rebuilt.upsert([...left.values()].reverse())
      const options = { limit: 20, dense, explain: true }
      expect(index.rank(question, options)).toEqual(rebuilt.rank(question, options))
      expect(index.size).toBe(left.size)
    }),
    { numRuns: 300 },
  )
})

it('returns a prefix of the complete ranking for every limit, with and without `accept`', () => {
  fc.assert(
    fc.property(
      fc.array(memory, { minLength: 1, maxLength: 20 }),
      query,
      fc.nat(12),
      (memories, words, limit) => {
        const index = new ScopeIndex()
        for (const { context, ...rest } of memories) index.upsert([{ ...rest, ...(context && { context }) }])
        const question = words.join(' ')
        const all = index.rank(question, { limit: 100, dense })
        expect(all).toHaveLength(index.size)
        expect(index.rank(question, { limit, dense })).toEqual(all.slice(0, limit))
        const accept = (id: string) => Number(id.slice(1)) % 2 === 0
        const accepted = all.filter(({ id }) => accept(id)).slice(0, limit)
        expect(index.rank(question, { limit, dense, accept })).toEqual(accepted)
      },
    ),
  )
})
