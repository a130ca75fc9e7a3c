import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pointId } from '../../../sidecar/adapters/qdrant/points.ts'
import { comparePositions } from '../../../sidecar/adapters/qdrant/scroll.ts'
import { testContract } from '../../contract/contract.ts'
import { put } from '../../contract/records.ts'
import { startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { CASES_BY_DIMENSIONS, openOn, recordsSubject } from '../../helpers/fake-qdrant/subject.ts'

for (const { dimensions, cases } of CASES_BY_DIMENSIONS) {
  testContract(`the Qdrant store with ${dimensions} dimensions`, cases, recordsSubject(dimensions))
}

const SCOPE = 'default/ada'

describe('the Qdrant store', () => {
  it('scrolls like a sorted list, from any position in either direction', async () => {
    await using server = await startFakeQdrant()
    const order = fc.oneof(fc.nat(3), fc.constantFrom(0, 5, Number.MAX_SAFE_INTEGER))
    const id = fc.constantFrom(...'abcdefghijABé\uffff')
    const place = fc.record({ order, id })
    const store = await openOn(server.url)
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(place, { maxLength: 12, selector: (one) => one.id }),
        fc.option(place, { nil: undefined }),
        fc.integer({ min: 1, max: 13 }),
        fc.constantFrom('ascending' as const, 'descending' as const),
        async (records, after, limit, direction) => {
          const [scope, other] = [`default/ada-${runs}`, `default/bob-${runs}`]
          runs += 1
          // Records of another scope with the same orders, which must not count for the page limit.
          await store.commit([
            ...records.map((one) => put(one.id, { order: one.order, scope })),
            ...records.map((one) => put(one.id, { order: one.order, scope: other })),
            ...records.map((one) => put(one.id, { order: one.order, scope, collection: 'versions' })),
          ])
          const step = direction === 'ascending' ? 1 : -1
          const expected = records
            .toSorted((a, b) => step * comparePositions(a, b))
            .filter((one) => after === undefined || step * comparePositions(after, one) < 0)
            .slice(0, limit)
          const page = await store.scroll('memories', scope, { limit, after, direction })
          expect(page.map((one) => ({ order: one.order, id: one.id }))).toEqual(expected)
        },
      ),
      { numRuns: 40 },
    )
    await store.close()
  })

  it('lists more scopes than its first request returns', async () => {
    await using server = await startFakeQdrant()
    const store = await openOn(server.url)
    const scopes = Array.from({ length: 1234 }, (_, i) => `default/${i}`)
    await store.commit(scopes.map((scope) => put('x', { scope })))
    expect(await store.scopes('memories', { limit: 5000 })).toEqual(scopes.toSorted())
    expect(await store.scopes('memories', { after: 'default/998', limit: 2 })).toEqual(['default/999'])
    await store.close()
  })

  it('makes UUIDs of version 5 that depend on every part of the name', () => {
    // From Python: uuid5(UUID('5d9a8f0e-6c3b-4e7f-9b1d-2a4c8e6f0b37'), '["memories","default/ada","x"]').
    expect(pointId('memories', SCOPE, 'x')).toBe('502fb986-6bfb-5f53-a908-b7114a5dcb2f')
    const names = [
      ['memories', 'a', 'b/c'],
      ['memories', 'a/b', 'c'],
      ['versions', 'a', 'b/c'],
      ['memories', 'a","b', 'c'],
      ['memories', 'a', 'b","c'],
    ] as const
    expect(new Set(names.map(([collection, scope, id]) => pointId(collection, scope, id))).size).toBe(
      names.length,
    )
  })
})
