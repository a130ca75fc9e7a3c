import fc from 'fast-check'
import { expect } from 'vitest'
import type { Condition, JsonObject, SearchQuery } from '../../sidecar/ports/records.ts'
import type { Case } from './contract.ts'
import { naivelyMeets } from './naive-condition.ts'
import { type RecordsSubject, SCOPE } from './records-subject.ts'
import { entry, SEARCH_DIMENSIONS } from './search.ts'

/** More records than any store returns without choosing. */
const COUNT = 320
/** Scores that differ by less are ties: stores round differently. */
const TIE = 0.002

/** All records have this number of terms, which is the mean that Qdrant's weights assume. */
const LENGTH = 16
const K1 = 1.2
const VOCABULARY = 12

interface Entry {
  id: string
  n: number
  terms: readonly number[]
  dense: Float32Array
  payload: JsonObject
}

function makeEntries(): Entry[] {
  const random = mulberry32(7)
  return Array.from({ length: COUNT }, (_, n) => {
    // Term t is in every t-th record or so; the others are in one record only.
    const terms = Array.from({ length: LENGTH }, (_, i) => {
      const term = Math.floor(random() * VOCABULARY)
      return random() * (term + 1) < 1 ? term : 1000 + n * LENGTH + i
    })
    const dense = Float32Array.from({ length: SEARCH_DIMENSIONS }, () => random() + random() - 1)
    const length = Math.hypot(...dense)
    const payload = { n, tag: `t${n % 5}`, list: [n % 3, 'x'], text: `record ${n}` }
    return { id: `r${n}`, n, terms, dense: dense.map((value) => value / length), payload }
  })
}

const leaf: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ path: fc.constant(['tag']), equals: fc.subarray(['t0', 't1', 't2', 't4'], { minLength: 1 }) }),
  fc.record({
    path: fc.constant(['list']),
    equals: fc.constantFrom<(string | number)[]>([0], [1, 2], ['y']),
  }),
  fc.record({
    path: fc.constant(['n']),
    range: fc.constantFrom<object>({ lt: 3 }, { gte: 315 }, { gte: 40, lt: 200 }, { gt: 317, lte: 319 }),
  }),
)
const unindexed = fc.constantFrom<Condition>(
  { path: ['text'], contains: 'record 3' },
  { path: ['text'], equals: ['record 7', 'record 300'] },
  { path: ['tag'], contains: '2' },
  { path: ['list'], contains: 'x' },
  { path: ['list'], contains: 2 },
  { path: ['n'], contains: 2 },
)
const where: fc.Arbitrary<Condition> = fc.oneof(
  leaf,
  unindexed,
  fc.tuple(leaf, fc.oneof(leaf, unindexed)).map(([a, b]): Condition => ({ all: [a, { not: b }] })),
  fc.tuple(unindexed, leaf).map(([a, b]): Condition => ({ any: [a, b] })),
)
const terms = fc.uniqueArray(fc.tuple(fc.nat(VOCABULARY), fc.constantFrom(0.5, 1, 2)), {
  maxLength: 5,
  selector: ([term]) => term,
})
const none = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const queries = fc.record({
  terms: terms.map((pairs) => new Map(pairs)),
  like: none(fc.nat(COUNT - 1)),
  where: none(where),
  also: none(fc.array(leaf, { minLength: 1, maxLength: 2 })),
  limit: fc.constantFrom(3, 20, 60),
})

/** BM25 of records of the mean length. */
function scorer(all: readonly Entry[], query: SearchQuery['terms']): (one: Entry) => number {
  const weights = [...query].map(([term, weight]) => {
    const df = all.filter(({ terms }) => terms.includes(term)).length
    return { term, weight: weight * Math.log(1 + (all.length - df + 0.5) / (df + 0.5)) }
  })
  return ({ terms }) =>
    weights.reduce((sum, { term, weight }) => {
      const tf = terms.filter((own) => own === term).length
      return sum + (weight * tf * (1 + K1)) / (tf + K1)
    }, 0)
}

/** The records that must be among the best `limit`, and those that may be. */
function bestOf(entries: readonly Entry[], scoreOf: (one: Entry) => number, limit: number) {
  const scored = entries.map((one) => ({ id: one.id, score: scoreOf(one) }))
  scored.sort((a, b) => b.score - a.score)
  const [last, next] = [scored[limit - 1]?.score, scored[limit]?.score]
  return {
    must: scored.filter(({ score }) => next === undefined || score > next + TIE),
    may: scored.filter(({ score }) => last === undefined || score >= last - TIE),
  }
}

export const DEFINITION_CASES: readonly Case<RecordsSubject>[] = [
  {
    name: 'returns the best records by terms, by embedding and by `also` for random queries, the same within ties',
    async run({ store }) {
      const entries = makeEntries()
      await store.commit(
        entries.map(({ id, n, payload, ...one }) =>
          entry(id, one.terms, { order: n, payload, dense: one.dense }),
        ),
      )
      const property = fc.asyncProperty(queries, async ({ like, ...rest }) => {
        const dense = like === undefined ? undefined : (entries[like] as Entry).dense
        const { candidates, total } = await store.search(SCOPE, { ...rest, dense })
        expect(total).toBe(COUNT)
        const meets = ({ payload }: Entry, condition: Condition | undefined) =>
          condition === undefined || naivelyMeets(payload, condition)
        const admitted = entries.filter((one) => meets(one, rest.where))
        const lexicalScore = scorer(entries, rest.terms)
        const lexical = new Map(admitted.map((one) => [one, lexicalScore(one)]))
        const sources = [
          bestOf(
            admitted.filter((one) => (lexical.get(one) as number) > 0),
            (one) => lexical.get(one) as number,
            rest.limit,
          ),
        ]
        if (dense) sources.push(bestOf(admitted, (one) => dot(one.dense, dense), rest.limit))
        const { also } = rest
        if (also) {
          const latest = admitted.filter((one) => meets(one, { any: also }))
          sources.push(bestOf(latest, ({ n }) => n, rest.limit))
        }
        const found = new Set(candidates.map(({ id }) => id))
        const [must, may] = (['must', 'may'] as const).map(
          (kind) => new Set(sources.flatMap((source) => source[kind].map(({ id }) => id))),
        ) as [Set<string>, Set<string>]
        expect([...must].filter((id) => !found.has(id))).toEqual([])
        expect([...found].filter((id) => !may.has(id))).toEqual([])
        expect(found.size).toBe(candidates.length)
      })
      await fc.assert(property, { numRuns: 40, seed: 11 })
    },
  },
  {
    name: 'finds every record that a condition admits, in a scope larger than the limit',
    async run({ store }) {
      const entries = makeEntries()
      const COMMON = 999
      await store.commit(
        entries.map(({ id, n, payload, ...one }) =>
          entry(id, [COMMON, ...one.terms], { order: n, payload, dense: one.dense }),
        ),
      )
      const by = fc.constantFrom<Partial<SearchQuery>>(
        { terms: new Map([[COMMON, 1]]) },
        { dense: (entries[0] as Entry).dense },
        { also: [{ path: ['n'], exists: true }] },
      )
      const property = fc.asyncProperty(where, by, async (condition, rest) => {
        const admitted = entries.filter(({ payload }) => naivelyMeets(payload, condition)).map(({ id }) => id)
        const limit = Math.min(COUNT - 1, Math.max(1, admitted.length))
        const query = { terms: new Map<number, number>(), ...rest, where: condition, limit }
        const { candidates } = await store.search(SCOPE, query)
        if (admitted.length <= limit) expect(candidates.map(({ id }) => id).sort()).toEqual(admitted.sort())
      })
      await fc.assert(property, { numRuns: 40, seed: 13 })
    },
  },
]

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
}

/** A pseudo-random number in 0…1 per call. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
