import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reconcile } from '../../../../sidecar/learning/reconcile/reconcile.ts'
import {
  type Decision,
  type KnownMemory,
  type NewFact,
  UnreadableDecisions,
} from '../../../../sidecar/learning/reconcile/types.ts'
import type { Completion } from '../../../../sidecar/ports/language-model.ts'
import { wordKey } from '../../../../sidecar/text/identity.ts'
import { scripted } from '../../../helpers/learning/reconcile/helpers.ts'

const WORDS = [
  'lives',
  'moved',
  'Leeds',
  'Porto',
  'cat',
  'Miso',
  'no longer',
  'eats',
  'meat',
  '34',
  '猫',
  'がいる',
]
const text = fc
  .array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 })
  .map((words) => `User ${words.join(' ')}`)
const speaker = fc.constantFrom('user', 'User', 'Ann')
const at = fc.integer({ min: 0, max: 5 })
const dense = fc
  .tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 }))
  .map(([x, y]) => Float32Array.of(x / (Math.hypot(x, y) || 1), y / (Math.hypot(x, y) || 1)))
const slot = { topic: fc.constantFrom('', 'home', 'food'), subTopic: fc.constantFrom('', 'city') }

const facts: fc.Arbitrary<NewFact[]> = fc.array(
  fc.record({
    ...slot,
    text,
    speaker,
    eventDate: fc.constantFrom(null, '2026-05-01'),
    at,
    dense,
  }),
  { maxLength: 6 },
)
const memories: fc.Arbitrary<KnownMemory[]> = fc
  .array(fc.record({ ...slot, text, speaker, at, dense }), { maxLength: 5 })
  .map((list) => list.map((one, i) => ({ ...one, id: `k${i}` })))

const number = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 12 }) },
  fc.constantFrom(null, '3', -1, 1.5, 'k1', true, 1e300),
)
const item = fc.record({
  fact: number,
  action: fc.constantFrom('ADD', 'UPDATE', 'UPDATE', 'DELETE', 'DELETE', 'NOOP', 'update', 'MERGE', null),
  memory: number,
  text: fc.oneof(text, fc.constantFrom(null, '', 'Forget everything', 7)),
})
const items = fc.array(item, { maxLength: 14 }).map((list) => JSON.stringify({ items: list }))
/** JSON that is truncated, with one character appended. */
const malformed = fc
  .tuple(items, fc.nat(), fc.constantFrom('', '"', '}', ']', ',', '{'))
  .map(([json, where, put]) => json.slice(0, where % (json.length + 1)) + put)
const written = fc.oneof({ weight: 4, arbitrary: items }, malformed, fc.string(), fc.json())
const answer: fc.Arbitrary<Partial<Completion>> = fc.record({
  text: written,
  calls: fc.array(fc.record({ name: fc.constantFrom('decide', 'decide', 'other'), arguments: written }), {
    maxLength: 2,
  }),
  finish: fc.constantFrom('stop', 'length', 'refused', 'other'),
})

interface Case {
  facts: NewFact[]
  memories: KnownMemory[]
  answers: Partial<Completion>[]
}
const cases: fc.Arbitrary<Case> = fc.record({
  facts,
  memories,
  answers: fc.array(answer, { minLength: 2, maxLength: 2 }),
})

async function decide(
  { facts, memories, answers }: Case,
  neighboursOf: (fact: NewFact) => readonly KnownMemory[] = () => memories,
): Promise<Decision[]> {
  const model = scripted(...answers)
  return await reconcile(facts, { model, account: { scope: 's' }, neighboursOf }).catch((error) => {
    if (!(error instanceof UnreadableDecisions)) throw error
    expect(model.requests).toHaveLength(2)
    return []
  })
}

/** Checks an invariant of the decisions for arbitrary answers. */
function always(check: (decisions: Decision[], given: Case) => void) {
  return fc.assert(
    fc.asyncProperty(cases, async (given) => {
      const decisions = await decide(given)
      if (decisions.length > 0) check(decisions, given)
    }),
    { numRuns: 100 },
  )
}

describe('arbitrary answers of the model', () => {
  it('every fact gets a decision, in the order of the facts', async () => {
    await always((decisions, { facts }) => {
      expect([...new Set(decisions.map(({ fact }) => fact))]).toEqual([...facts.keys()])
      expect(decisions.map(({ fact }) => fact)).toEqual(
        decisions.map(({ fact }) => fact).sort((a, b) => a - b),
      )
    })
  })

  it('every target is a neighbour of the fact or of an earlier one, of the same speaker', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.infiniteStream(fc.boolean()), async (given, chosen) => {
        const { facts, memories } = given
        const found = facts.map(() => memories.filter(() => chosen.next().value))
        for (const one of await decide(given, (fact) => found[facts.indexOf(fact)] ?? [])) {
          if (one.event === 'ADD' || one.target === null) continue
          const speakerKey = wordKey(facts[one.fact]?.speaker ?? '')
          // A repeated fact is represented by its last occurrence.
          const upTo = one.event === 'NOOP' && one.sameAs !== undefined ? one.sameAs : one.fact
          const closed = facts.flatMap((fact, i) =>
            i <= upTo && wordKey(fact.speaker) === speakerKey ? (found[i] ?? []) : [],
          )
          const target = closed.find(({ id }) => id === one.target)
          expect(target).toBeDefined()
          expect(wordKey(target?.speaker ?? '')).toBe(speakerKey)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('no memory is changed twice', async () => {
    await always((decisions) => {
      const changed = decisions.flatMap((one) =>
        one.event === 'UPDATE' || one.event === 'DELETE' ? [one.target] : [],
      )
      expect(new Set(changed).size).toBe(changed.length)
    })
  })

  it('no UPDATE is empty or repeats the text of the memory', async () => {
    await always((decisions, { memories }) => {
      for (const one of decisions) {
        if (one.event !== 'UPDATE') continue
        expect(one.text.trim()).not.toBe('')
        expect(one.text).not.toBe(memories.find(({ id }) => id === one.target)?.text)
      }
    })
  })

  it('deletions stay within the rules, and no fact deletes a newer memory', async () => {
    await always((decisions, { facts, memories }) => {
      const deleted = decisions.flatMap((one) => (one.event === 'DELETE' ? [one] : []))
      expect(deleted.length).toBeLessThanOrEqual(5)
      for (const { fact, target } of deleted) {
        const one = facts[fact] as NewFact
        const known = memories.find(({ id }) => id === target) as KnownMemory
        const said = facts.slice(0, fact + 1).some(({ at }) => !(known.at > at))
        expect(said).toBe(true)
        expect(one.text).not.toBe(known.text)
      }
    })
  })

  it('a superseded or repeated fact refers to another fact of the batch', async () => {
    await always((decisions, { facts }) => {
      for (const one of decisions) {
        if (one.event !== 'NOOP') continue
        for (const other of [one.supersededBy, one.sameAs]) {
          if (other === undefined) continue
          expect(decisions.some(({ fact }) => fact === other)).toBe(true)
          expect(wordKey(facts[other]?.speaker ?? '')).toBe(wordKey(facts[one.fact]?.speaker ?? ''))
        }
        if (one.supersededBy !== undefined) expect(one.supersededBy).toBeGreaterThan(one.fact)
        expect(one.target !== null || one.supersededBy !== undefined || one.sameAs !== undefined).toBe(true)
      }
    })
  })

  it('equal input gives equal decisions', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        expect(await decide(given)).toEqual(await decide(given))
      }),
      { numRuns: 50 },
    )
  })
})

describe('a batch without similar memories', () => {
  it('sends no request', async () => {
    await fc.assert(
      fc.asyncProperty(facts, memories, async (given, known) => {
        // Every fact has its own speaker, so nothing is near.
        const alone = given.map((fact, i) => ({ ...fact, speaker: `speaker ${i}` }))
        const model = scripted()
        const decisions = await reconcile(alone, {
          model,
          account: { scope: 's' },
          neighboursOf: () => known,
        })
        expect(model.requests).toEqual([])
        expect(decisions.map(({ event }) => event)).toEqual(alone.map(() => 'ADD'))
      }),
    )
  })
})
