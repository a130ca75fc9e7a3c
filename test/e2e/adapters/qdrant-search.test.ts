import { describe, expect, it } from 'vitest'
import type { Condition } from '../../../sidecar/ports/records.ts'
import { direction, entry, query, SEARCH_DIMENSIONS } from '../../contract/search.ts'
import { type FakeQdrant, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

const SCOPE = 'default/ada'

async function openWith(server: FakeQdrant, count: number, payload: object = {}) {
  const store = await openOn(server.url, { embedder: { name: 'test', dimensions: SEARCH_DIMENSIONS } })
  await store.commit(
    Array.from({ length: count }, (_, i) =>
      entry(`r${i}`, [1, 100 + i], {
        order: i,
        dense: direction(i),
        payload: { text: `text ${i}`, n: i, ...payload },
      }),
    ),
  )
  server.requests.length = 0
  return store
}

const ASKED = {
  terms: [1, 105],
  dense: direction(3),
  where: { path: ['n'], range: { gte: 2 } },
  also: [{ path: ['n'], equals: [4] }],
  limit: 10,
}

describe('a search on Qdrant', () => {
  it('takes one uncompressed request, in a small and in a large scope, with the records that are read', async () => {
    await using server = await startFakeQdrant()
    for (const count of [8, 40]) {
      const store = await openWith(server, count)
      await store.search(SCOPE, query(ASKED))
      server.requests.length = 0
      const { candidates, total, read } = await store.search(SCOPE, query(ASKED))
      const records = await read(candidates.map(({ id }) => id))
      expect(total).toBe(count)
      expect(records).toHaveLength(candidates.length)
      const paths = server.requests.map(({ path }) => path.split('/').slice(-2).join('/'))
      // Finished journal entries may be deleted meanwhile.
      expect(paths.filter((path) => path !== 'points/batch')).toEqual(['query/batch'])
      expect(server.requests.at(-1)?.acceptEncoding).toBe('identity')
      await store.close()
    }
  })

  it('bounds the size of the answer, whatever the length of the texts', async () => {
    await using server = await startFakeQdrant()
    const store = await openWith(server, 40, { text: 'x'.repeat(100_000) })
    const { candidates, read } = await store.search(SCOPE, query(ASKED))
    expect(server.answeredBytes.at(-1)).toBeLessThan(100_000)
    server.requests.length = 0
    const [record] = await read([candidates[0]?.id as string])
    expect(record?.payload['text']).toHaveLength(100_000)
    expect(server.requests).toHaveLength(1)
    await store.close()
  })

  it('filters in Qdrant by the scope and by the fields of the condition', async () => {
    await using server = await startFakeQdrant()
    const store = await openWith(server, 40)
    await store.search(SCOPE, query(ASKED))
    const { searches } = server.requests.find(({ path }) => path.endsWith('/query/batch'))?.body ?? {}
    for (const { filter } of searches[1].prefetch) {
      expect(filter.must).toContainEqual({ key: 'scope', match: { value: SCOPE } })
      expect(JSON.stringify(filter)).toContain('{"key":"fields.\\"n\\"","range":{"gte":2}}')
    }
    await store.close()
  })

  it('reads the scope only for a condition that Qdrant cannot test, and only if it rejects candidates', async () => {
    await using server = await startFakeQdrant()
    const store = await openWith(server, 40)
    const requestsOf = async (where: Condition) => {
      server.requests.length = 0
      const { candidates } = await store.search(SCOPE, query({ ...ASKED, where }))
      const paths = server.requests.map(({ path }) => path.split('/').slice(-1)[0])
      return { count: candidates.length, paths: paths.filter((path) => path !== 'count') }
    }
    await requestsOf({ path: ['n'], exists: true })
    const all = await requestsOf({ path: ['text'], contains: 'text' })
    expect(all.paths).toEqual(['batch'])
    const one = await requestsOf({ path: ['text'], contains: 'text 33' })
    expect(one).toEqual({ count: 1, paths: ['batch', 'scroll', 'query'] })
    await store.close()
  })

  it('finds records by values that Qdrant cannot filter by', async () => {
    await using server = await startFakeQdrant()
    const store = await openWith(server, 12, {
      metadata: { long: 'y'.repeat(2000), odd: '\ud800', tag: 'a' },
    })
    for (const [key, value] of Object.entries({ long: 'y'.repeat(2000), odd: '\ud800', tag: 'a' })) {
      const where = { path: ['metadata', key], equals: [value] }
      const { candidates } = await store.search(SCOPE, query({ where, dense: direction(1) }))
      expect(candidates).toHaveLength(12)
      const none = await store.search(SCOPE, query({ where: { not: where }, dense: direction(1) }))
      expect(none.candidates).toEqual([])
    }
    await store.close()
  })

  it('stores a normalised vector once, and reads it back unchanged', async () => {
    await using server = await startFakeQdrant()
    const store = await openWith(server, 5)
    const points = [...server.state.collections].flatMap(([, { points }]) => [...points.values()])
    expect(points.filter(({ payload }) => payload['dense'] !== undefined)).toEqual([])
    for (const i of [0, 4]) expect((await store.get('memories', SCOPE, `r${i}`))?.dense).toEqual(direction(i))
    await store.close()
  })
})
