import fc from 'fast-check'
import { expect } from 'vitest'
import type {
  Condition,
  Json,
  JsonObject,
  RecordStore,
  SearchQuery,
  StoredRecord,
  Write,
} from '../../sidecar/ports/records.ts'
import type { Case } from './contract.ts'
import { naivelyMeets } from './naive-condition.ts'
import { put, type RecordsSubject, SCOPE } from './records-subject.ts'
import { CONDITIONS, conditions, PAYLOADS, payloads } from './search-conditions.ts'

/** Length of the vectors of these cases. */
export const SEARCH_DIMENSIONS = 16

/** Searchable by default. */
export function entry(
  id: string,
  terms: readonly number[],
  rest: Partial<StoredRecord> & { scope?: string; context?: readonly number[]; features?: JsonObject } = {},
): Write {
  const { context = [], features = {}, ...record } = rest
  const search = {
    terms: Uint32Array.from(terms),
    context: Uint32Array.from(context),
    grams: GRAMS,
    features,
  }
  return put(id, { search, ...record })
}

export function query(
  rest: Partial<Omit<SearchQuery, 'terms'>> & { terms?: readonly number[] } = {},
): SearchQuery {
  return { limit: 1000, ...rest, terms: new Map((rest.terms ?? []).map((term) => [term, 1])) }
}

async function found(store: RecordStore, of: SearchQuery, scope = SCOPE): Promise<string[]> {
  return (await store.search(scope, of)).candidates.map(({ id }) => id).sort()
}

/** A unit vector, near to those of numbers near to `i`. All of them share a large component. */
export function direction(i: number): Float32Array {
  const vector = Float32Array.from({ length: SEARCH_DIMENSIONS }, (_, k) =>
    k === 0 ? 2 : Math.sin(0.02 * i * k) + Math.cos(0.011 * i * k * k),
  )
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
}

const GRAMS = Uint16Array.of(5, 65_535, 5)
const removal = (id: string): Write => ({ remove: id, collection: 'memories', scope: SCOPE })

/** Terms of every record, of each third record, and of one record. */
const [COMMON, THIRD] = [1, 0xfffffffe]
const own = (i: number) => 1000 + i

const ids = (numbers: readonly number[]) => numbers.map((i) => `r${i}`).sort()

/** Enough records that no store reads all of them. */
const MANY = 600

async function commitMany(store: RecordStore): Promise<void> {
  const writes = Array.from({ length: MANY }, (_, i) =>
    entry(`r${i}`, [COMMON, own(i), ...(i % 3 === 0 ? [THIRD] : [])], {
      order: i,
      payload: { n: i, even: i % 2 === 0 },
      dense: direction(i),
      features: { n: i },
    }),
  )
  for (let i = 0; i < MANY; i += 150) await store.commit(writes.slice(i, i + 150))
}

export const SEARCH_CASES: readonly Case<RecordsSubject>[] = [
  {
    name: 'finds nothing in an unknown scope',
    async run({ store }) {
      expect(await store.search(SCOPE, query({ terms: [1] }))).toMatchObject({ candidates: [], total: 0 })
    },
  },
  {
    name: 'returns every searchable record of a small scope with its entry, order and similarity',
    async run({ store }) {
      const features = { day: 3, nested: { list: ['東京', null] }, '': -0.5 }
      await store.commit([
        entry('a', [7, 0xffffffff, 7, 0], { order: 5, context: [3], features, dense: direction(1) }),
        entry('b', [], { order: 2 }),
        put('without an entry', { dense: direction(2) }),
        put('turn', { collection: 'turns' }),
        entry('other', [7], { scope: 'default/bob' }),
      ])
      const { candidates, total } = await store.search(SCOPE, query({ terms: [9], dense: direction(4) }))
      expect(total).toBe(2)
      const [a, b] = candidates.sort((x, y) => (x.id < y.id ? -1 : 1))
      expect(candidates).toHaveLength(2)
      expect(a?.similarity).toBeCloseTo(dot(direction(1), direction(4)), 5)
      expect(a).toMatchObject({
        id: 'a',
        order: 5,
        search: {
          terms: Uint32Array.of(7, 0xffffffff, 7, 0),
          context: Uint32Array.of(3),
          grams: GRAMS,
          features,
        },
      })
      expect(b).toEqual({
        id: 'b',
        order: 2,
        search: {
          terms: new Uint32Array(),
          context: new Uint32Array(),
          grams: GRAMS,
          features: {},
        },
        similarity: 0,
      })
      const withoutVector = await store.search(SCOPE, query())
      expect(withoutVector.candidates.map(({ similarity }) => similarity)).toEqual([0, 0])
    },
  },
  {
    name: 'returns the entry with every read of the record',
    async run({ store }) {
      await store.commit([entry('a', [1, 2], { context: [3], features: { x: 1 }, dense: direction(1) })])
      const search = {
        terms: Uint32Array.of(1, 2),
        context: Uint32Array.of(3),
        grams: GRAMS,
        features: { x: 1 },
      }
      const expected = { id: 'a', order: 1, payload: { text: 'a' }, dense: direction(1), search }
      const { dense, ...rest } = expected
      expect(await store.get('memories', SCOPE, 'a')).toEqual(expected)
      expect(await store.scroll('memories', SCOPE, { limit: 5 })).toEqual([expected])
      expect(await store.scroll('memories', SCOPE, { limit: 5, withVectors: false })).toMatchObject([rest])
      expect(await (await store.search(SCOPE, query())).read(['a'])).toMatchObject([rest])
    },
  },
  {
    name: 'returns the records that meet the condition, and counts the others',
    async run({ store }) {
      await store.commit(Object.entries(PAYLOADS).map(([id, payload]) => entry(id, [5], { payload })))
      for (const [where, expected] of CONDITIONS) {
        const result = await store.search(SCOPE, query({ terms: [5], where }))
        expect({ where, ids: result.candidates.map(({ id }) => id).sort() }).toEqual({
          where,
          ids: [...expected].sort(),
        })
        expect(result.total).toBe(Object.keys(PAYLOADS).length)
        expect(result.frequencies?.get(5) ?? result.total).toBe(result.total)
      }
    },
  },
  {
    name: 'returns records of this scope alone by the times that a store may index, also those in lists',
    async run({ store }) {
      const at = (...sources: Json[]) => ({ sources })
      const all: Record<string, JsonObject> = {
        said: at({ at: 5 }, { at: 9 }),
        'said twice': at({ at: [1, 5] }),
        'in a list': at([{ at: 5 }]),
        later: at({ at: 9 }, { at: 5 }),
        'on a day': { event_date: '2026-01-02' },
        'on days': { event_date: ['2026-01-01', '2026-01-02'] },
        'on another day': { event_date: '2026-01-03' },
      }
      for (const scope of [SCOPE, 'default/bob']) {
        await store.commit(
          Object.entries(all).map(([id, payload]) => entry(`${id} ${scope}`, [1], { payload, scope })),
        )
      }
      const time: Condition = { path: ['sources', 0, 'at'], range: { gte: 5, lt: 6 } }
      const day: Condition = { path: ['event_date'], equals: ['2026-01-02', '2026-01-04'] }
      const meeting = (where: Condition) => found(store, query({ where }))
      const atTime = ['in a list', 'said', 'said twice'].map((id) => `${id} ${SCOPE}`)
      const onDay = ['on a day', 'on days'].map((id) => `${id} ${SCOPE}`)
      expect(await meeting(time)).toEqual(atTime)
      expect(await meeting(day)).toEqual(onDay)
      for (const both of [{ any: [time, day] }, { all: [{ any: [time, day] }] }]) {
        expect(await meeting(both)).toEqual([...atTime, ...onDay].sort())
      }
    },
  },
  {
    name: 'agrees with the definition of conditions on random payloads',
    async run({ store }) {
      const all = new Map(
        fc.sample(payloads, { numRuns: 100, seed: 3 }).map((payload, i) => [`r${i}`, payload]),
      )
      await store.commit([...all].map(([id, payload]) => entry(id, [1], { payload })))
      const property = fc.asyncProperty(conditions, async (where) => {
        const expected = [...all].filter(([, payload]) => naivelyMeets(payload, where)).map(([id]) => id)
        expect(await found(store, query({ where }))).toEqual(expected.sort())
      })
      await fc.assert(property, { numRuns: 100, seed: 5 })
    },
  },
  {
    name: 'returns the best records of a large scope by terms, rare terms first',
    async run({ store }) {
      await commitMany(store)
      const terms = [COMMON, THIRD, own(100), own(511), 77]
      const { candidates, total, frequencies } = await store.search(SCOPE, query({ terms, limit: 20 }))
      const numbers = candidates.map(({ search }) => search.features['n'] as number)
      expect(total).toBe(MANY)
      expect(candidates).toHaveLength(20)
      expect(numbers).toEqual(expect.arrayContaining([100, 511]))
      expect(numbers.filter((n) => n % 3 === 0).length).toBeGreaterThanOrEqual(18)
      if (frequencies) {
        const counts = [MANY, MANY / 3, 1, 1, 0]
        // Qdrant estimates them from a sample.
        const tolerance = store.kind === 'qdrant' ? 0.4 * MANY : 0
        for (const [i, term] of terms.entries()) {
          const difference = (frequencies.get(term) ?? 0) - (counts[i] as number)
          expect(Math.abs(difference)).toBeLessThanOrEqual(tolerance)
        }
      }
      expect(await found(store, query({ terms: [own(7), 77], limit: 20 }))).toEqual(['r7'])
    },
  },
  {
    name: 'returns the best records of a large scope by embedding, with the exact similarity',
    async run({ store }) {
      await commitMany(store)
      for (const i of [0, 137, 400, MANY - 1]) {
        const dense = direction(i)
        const byDistance = Array.from({ length: MANY }, (_, n) => n).sort(
          (a, b) => dot(direction(b), dense) - dot(direction(a), dense),
        )
        const { candidates } = await store.search(SCOPE, query({ dense, limit: 10 }))
        expect(candidates).toHaveLength(10)
        const numbers = candidates.map(({ search }) => search.features['n'] as number)
        expect(numbers).toEqual(expect.arrayContaining(byDistance.slice(0, 3)))
        for (const { search, similarity } of candidates) {
          expect(similarity).toBeCloseTo(dot(direction(search.features['n'] as number), dense), 5)
        }
      }
    },
  },
  {
    name: 'returns the latest records of a large scope that meet one of `also`',
    async run({ store }) {
      await commitMany(store)
      const range = (gte: number, lt: number): Condition => ({ path: ['n'], range: { gte, lt } })
      expect(await found(store, query({ also: [range(10, 30)], limit: 4 }))).toEqual(ids([26, 27, 28, 29]))
      expect(
        await found(store, query({ also: [range(10, 13), range(500, 502)], terms: [own(7)], limit: 5 })),
      ).toEqual(ids([7, 10, 11, 12, 500, 501]))
    },
  },
  {
    name: 'applies the condition to every candidate of a large scope',
    async run({ store }) {
      await commitMany(store)
      const even: Condition = { path: ['even'], equals: [true] }
      const all = {
        terms: [COMMON, own(101)],
        dense: direction(101),
        also: [{ path: ['n'], range: { gte: 590 } }],
      }
      const { candidates } = await store.search(SCOPE, query({ ...all, where: even, limit: 40 }))
      expect(candidates.length).toBeGreaterThanOrEqual(40)
      const numbers = candidates.map(({ search }) => search.features['n'] as number)
      expect(numbers.filter((n) => n % 2 === 1)).toEqual([])
      expect(numbers).toEqual(expect.arrayContaining([100, 102, 590, 598]))
      for (const n of [3, 599]) {
        const where: Condition = { path: ['n'], equals: [n] }
        expect(await found(store, query({ ...all, where, limit: 5 }))).toEqual(ids([n]))
      }
    },
  },
  {
    name: 'sees every change of a large scope',
    async run({ store, reopen }) {
      await commitMany(store)
      expect((await store.search(SCOPE, query({ terms: [COMMON], limit: 20 }))).total).toBe(MANY)
      await store.commit([
        entry('r5', [own(700)], { order: 5, dense: direction(5000), features: { n: 'new' } }),
        removal('r6'),
        put('r7', { order: 7 }),
        entry('added', [own(701)], { order: MANY, dense: direction(9000) }),
      ])
      const terms = [5, 6, 7, 700, 701].map(own)
      const check = async (each: RecordStore) => {
        expect(await found(each, query({ terms, limit: 20 }))).toEqual(['added', 'r5'])
        const { candidates } = await each.search(SCOPE, query({ dense: direction(5000), limit: 1 }))
        expect(candidates[0]).toMatchObject({ id: 'r5', search: { features: { n: 'new' } } })
        expect(candidates[0]?.similarity).toBeCloseTo(1, 5)
        const result = await each.search(SCOPE, query({ terms, limit: 20 }))
        expect(result.total).toBe(MANY - 1)
        if (store.kind === 'sqlite')
          expect([...(result.frequencies?.values() ?? [])]).toEqual([0, 0, 0, 1, 1])
      }
      await check(store)
      await check(await reopen())
    },
  },
  {
    name: 'sees every change of a small scope as soon as the commit resolves',
    async run({ store }) {
      await store.commit([entry('a', [1]), entry('b', [2])])
      expect(await found(store, query())).toEqual(['a', 'b'])
      await store.commit([entry('a', [3], { payload: { v: 2 }, order: 9 }), removal('b'), entry('c', [4])])
      const { candidates, total } = await store.search(SCOPE, query())
      expect(total).toBe(2)
      expect(candidates.find(({ id }) => id === 'a')).toMatchObject({
        order: 9,
        search: { terms: Uint32Array.of(3) },
      })
      await store.commit([put('a')])
      expect(await found(store, query())).toEqual(['c'])
      await store.commit([removal('a'), removal('c'), removal('never')])
      expect(await store.search(SCOPE, query())).toMatchObject({ candidates: [], total: 0 })
      await store.commit([entry('a', [5])])
      expect(await found(store, query())).toEqual(['a'])
    },
  },
  {
    name: 'finds nothing of a commit that was rejected',
    async run({ store }) {
      await store.commit([entry('a', [1])])
      const broken = entry('broken', [2], { payload: { text: 1n } as never })
      await expect(store.commit([entry('new', [1]), removal('a'), entry('x', [3]), broken])).rejects.toThrow()
      expect(await found(store, query())).toEqual(['a'])
      await store.commit([entry('b', [1])])
      expect(await found(store, query())).toEqual(['a', 'b'])
    },
  },
  {
    name: 'reads candidates in the given order, at the time of the search or later',
    async run({ store }) {
      await store.commit(['a', 'b', 'c', 'd'].map((id) => entry(id, [1])))
      await store.commit([entry('a', [1], { scope: 'default/bob', payload: { of: 'bob' } })])
      const { read } = await store.search(SCOPE, query())
      await store.commit([removal('b'), entry('c', [1], { payload: { text: 'newer' } })])
      const records = await read(['d', 'b', 'c', 'a', 'never'])
      expect(records.map(({ id }) => id).filter((id) => id !== 'b')).toEqual(['d', 'c', 'a'])
      for (const { id, payload } of records) {
        expect(id === 'c' ? ['c', 'newer'] : [id]).toContain(payload['text'])
      }
      expect(await read([])).toEqual([])
    },
  },
  {
    name: 'searches a scope by its exact name',
    async run({ store }) {
      const scopes = ['a/b', 'A/b', 'a/b ', 'a/é', 'a/e\u0301', "a/'", 'a/%']
      await store.commit(scopes.map((scope) => entry(`of ${scope}`, [1], { scope })))
      for (const scope of scopes)
        expect(await found(store, query({ terms: [1] }), scope)).toEqual([`of ${scope}`])
    },
  },
  {
    name: 'rejects searches and reads after close',
    async run({ store }) {
      await store.commit([entry('a', [1])])
      const { read } = await store.search(SCOPE, query())
      await store.close()
      await expect(store.search(SCOPE, query())).rejects.toMatchObject({ code: 'backend_unavailable' })
      await expect(read(['a'])).rejects.toMatchObject({ code: 'backend_unavailable' })
    },
  },
]

/** Of stores that find neighbours. */
export const NEIGHBOUR_CASES: readonly Case<RecordsSubject>[] = [
  {
    name: 'returns the records next to the best candidates of a large scope',
    async run({ store }) {
      await commitMany(store)
      const of = (rest: Parameters<typeof query>[0]) => found(store, query({ limit: 20, ...rest }))
      const terms = [own(0), own(100), own(MANY - 1)]
      expect(await of({ terms })).toEqual(ids([0, 100, MANY - 1]))
      const near = ids([0, 1, 99, 100, 101, MANY - 2, MANY - 1])
      expect(await of({ terms, neighbours: 3 })).toEqual(near.sort())
      expect(await of({ also: [{ path: ['n'], equals: [100] }], neighbours: 5 })).toEqual(
        ids([99, 100, 101]).sort(),
      )
      expect(await of({ dense: direction(100), limit: 1, neighbours: 1 })).toEqual(ids([99, 100, 101]).sort())
      // Neighbours are searchable records by order and then id, whenever they were written.
      await store.commit([
        removal('r101'),
        put('r99', { order: 99 }),
        entry('late', [own(0)], { order: 100, payload: { even: true } }),
      ])
      expect(await of({ terms: [own(100)], neighbours: 3 })).toEqual(['late', 'r100', 'r102'])
      expect(await of({ terms: [own(0)], where: { path: ['even'], equals: [true] }, neighbours: 3 })).toEqual(
        ['late', 'r0', 'r100', 'r98'],
      )
    },
  },
  {
    name: 'returns only so many neighbours as the query asks for',
    async run({ store }) {
      await commitMany(store)
      const terms = [own(100), own(200)]
      const count = async (neighbours: number) =>
        (await found(store, query({ terms, neighbours, limit: 20 }))).length
      expect([await count(0), await count(1), await count(2)]).toEqual([2, 4, 6])
    },
  },
]
