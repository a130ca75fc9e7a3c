import { expect } from 'vitest'
import type { RecordStore, Search, SparseVector } from '../../sidecar/ports/records.ts'
import type { Case } from './contract.ts'
import { put, type RecordsSubject, SCOPE } from './records-subject.ts'

/** A direction of the plane, 0 to 90 degrees. */
export function towards(degrees: number): Float32Array {
  const angle = (degrees * Math.PI) / 180
  return new Float32Array([Math.cos(angle), Math.sin(angle)])
}

/** Terms by number, each with its weight. */
export function terms(weights: Record<number, number>): SparseVector {
  const entries = Object.entries(weights)
  return {
    indices: Uint32Array.from(entries, ([index]) => Number(index)),
    values: Float32Array.from(entries, ([, value]) => value),
  }
}

export async function found(store: RecordStore, search: Partial<Search>, scope = SCOPE): Promise<string[]> {
  return (await store.search('memories', scope, { limit: 10, ...search })).map(({ id }) => id)
}

const MANY = 4_294_967_295

export const SEARCH_CASES: readonly Case<RecordsSubject>[] = [
  {
    name: 'finds nothing where nothing is, or nothing is asked',
    async run({ store }) {
      expect(await found(store, { dense: towards(0), sparse: terms({ 1: 1 }) })).toEqual([])
      await store.commit([put('x', { dense: towards(0), sparse: terms({ 1: 1 }) })])
      expect(await found(store, {})).toEqual([])
      expect(await found(store, { sparse: terms({}) })).toEqual([])
      expect(await found(store, { dense: towards(0), limit: 0 })).toEqual([])
    },
  },
  {
    name: 'finds the nearest first',
    async run({ store }) {
      await store.commit([0, 30, 60, 90].map((degrees) => put(`d${degrees}`, { dense: towards(degrees) })))
      expect(await found(store, { dense: towards(55) })).toEqual(['d60', 'd30', 'd90', 'd0'])
    },
  },
  {
    name: 'finds what holds the terms, the rarer ones first',
    async run({ store }) {
      await store.commit([
        put('common', { sparse: terms({ 7: 0.5, 8: 1 }) }),
        put('also', { sparse: terms({ 7: 1 }) }),
        put('rare', { sparse: terms({ [MANY]: 1 }) }),
        put('other', { sparse: terms({ 9: 3 }) }),
        put('none'),
      ])
      expect(await found(store, { sparse: terms({ 7: 1, [MANY]: 1 }) })).toEqual(['rare', 'also', 'common'])
      expect(await found(store, { sparse: terms({ 9: 1, 8: 0.1 }) })).toEqual(['other', 'common'])
    },
  },
  {
    name: 'finds by either signal what the other does not know, and first what both do',
    async run({ store }) {
      await store.commit([
        put('near', { dense: towards(0), sparse: terms({ 1: 1 }) }),
        put('both', { dense: towards(5), sparse: terms({ 2: 1 }) }),
        put('said', { sparse: terms({ 2: 0.5 }) }),
      ])
      const answer = await found(store, { dense: towards(0), sparse: terms({ 2: 1 }) })
      expect(answer[0]).toBe('both')
      expect(answer.toSorted()).toEqual(['both', 'near', 'said'])
    },
  },
  {
    name: 'finds in its own scope alone, and weighs terms by it',
    async run({ store }) {
      const others = Array.from({ length: 5 }, (_, i) =>
        put(`o${i}`, { scope: 'default/bob', dense: towards(0), sparse: terms({ 1: 1 }) }),
      )
      await store.commit([
        ...others,
        // In the scope `2` is common and `1` is rare; over all it is the other way round.
        put('one', { dense: towards(90), sparse: terms({ 1: 1 }) }),
        put('two', { dense: towards(90), sparse: terms({ 2: 1 }) }),
        put('too', { dense: towards(90), sparse: terms({ 2: 1 }) }),
        put('past', { collection: 'versions', dense: towards(0), sparse: terms({ 1: 1 }) }),
      ])
      expect((await found(store, { dense: towards(0) })).toSorted()).toEqual(['one', 'too', 'two'])
      expect((await found(store, { sparse: terms({ 1: 1, 2: 1 }) }))[0]).toBe('one')
      expect(await found(store, { dense: towards(0), sparse: terms({ 1: 1 }) }, 'default/%')).toEqual([])
    },
  },
  {
    name: 'answers no more than the limit, and the whole records',
    async run({ store }) {
      const record = {
        id: 'x',
        order: 4,
        payload: { text: 'tea' },
        dense: towards(0),
        sparse: terms({ 3: 0.25 }),
      }
      await store.commit([
        { put: record, collection: 'memories', scope: SCOPE },
        ...[10, 20, 30].map((degrees) =>
          put(`d${degrees}`, { dense: towards(degrees), sparse: terms({ 3: 0.1 }) }),
        ),
      ])
      for (const limit of [1, 2, 3]) {
        expect(await found(store, { dense: towards(0), sparse: terms({ 3: 1 }), limit })).toHaveLength(limit)
      }
      const [first] = await store.search('memories', SCOPE, { dense: towards(0), limit: 1 })
      expect(first).toEqual(record)
      expect(await store.get('memories', SCOPE, 'x')).toEqual(record)
      expect((await store.scroll('memories', SCOPE, { limit: 9 })).at(-1)).toEqual(record)
    },
  },
  {
    name: 'finds nothing that was removed, and what was put again as it is now',
    async run({ store, reopen }) {
      const dense = towards(0)
      const sparse = terms({ 1: 1 })
      await store.commit(['a', 'b', 'c'].map((id) => put(id, { dense, sparse })))
      await store.commit([
        { remove: 'a', collection: 'memories', scope: SCOPE },
        put('b', { dense: towards(90), sparse: terms({ 2: 1 }) }),
        put('c'),
      ])
      const again = await reopen()
      expect(await found(again, { dense, sparse })).toEqual(['b'])
      expect(await found(again, { sparse })).toEqual([])
      expect(await found(again, { sparse: terms({ 2: 1 }) })).toEqual(['b'])
    },
  },
  {
    name: 'leaves out what is refused, however many that are',
    async run({ store }) {
      await store.commit(
        Array.from({ length: 60 }, (_, i) =>
          put(`r${i}`, {
            dense: towards(i),
            sparse: terms({ 1: 1 + i / 100 }),
            payload: { i },
            fields: { id: `r${i}`, turn: i },
          }),
        ),
      )
      const accept = ({ payload }: { payload: { readonly [key: string]: unknown } }) =>
        Number(payload['i']) >= 57
      const search = { dense: towards(0), limit: 2, accept }
      expect(await found(store, search)).toEqual(['r57', 'r58'])
      const where = { field: 'turn', range: { gte: 57 } }
      expect(await found(store, { ...search, where })).toEqual(['r57', 'r58'])
      expect(
        (await found(store, { ...search, limit: 9, sparse: terms({ 1: 1 }), where })).toSorted(),
      ).toEqual(['r57', 'r58', 'r59'])
    },
  },
]
