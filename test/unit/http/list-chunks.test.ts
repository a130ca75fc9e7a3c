import fc from 'fast-check'
import { expect, it } from 'vitest'
import { testApp } from '../../helpers/test-app.ts'

it('lists the same memories whatever the page size, each once and in order', async () => {
  const { call } = testApp()
  const memories = Array.from({ length: 260 }, (_, i) => ({
    id: `m${i}`,
    memory: `Note number ${i} of Ada.`,
  }))
  await call('POST', '/v1/memories/import', { user_id: 'ada', memories })
  const listAll = async (limit: number, order: string) => {
    const ids: string[] = []
    for (let cursor = ''; ; ) {
      const { status, body } = await call(
        'GET',
        `/v1/memories?user_id=ada&limit=${limit}&order=${order}${cursor && `&cursor=${cursor}`}`,
      )
      expect(status).toBe(200)
      expect(body.memories.length).toBeLessThanOrEqual(limit)
      ids.push(...body.memories.map(({ id }: { id: string }) => id))
      if (body.next_cursor === null) return ids
      cursor = body.next_cursor
    }
  }
  const oldest = await listAll(50, 'oldest')
  expect(new Set(oldest).size).toBe(260)
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 13, max: 500 }), fc.boolean(), async (limit, isOldest) => {
      const ids = await listAll(limit, isOldest ? 'oldest' : 'newest')
      expect(ids).toEqual(isOldest ? oldest : oldest.toReversed())
    }),
    {
      numRuns: 20,
      examples: [
        [51, true],
        [260, true],
        [259, false],
        [500, false],
        [100, true],
      ],
    },
  )
  const filtered = await call('GET', '/v1/memories?user_id=ada&limit=500&app_id=other')
  expect(filtered.body).toEqual({ memories: [], next_cursor: null })
})
