import { describe, expect, it } from 'vitest'
import { openQdrantRecords } from '../../../sidecar/adapters/qdrant/records.ts'
import type { Write } from '../../../sidecar/ports/records.ts'
import { testContract } from '../../contract/contract.ts'
import { put } from '../../contract/records.ts'
import { CRASH_CASES, dieAt, SCOPE } from '../../helpers/fake-qdrant/crash-cases.ts'
import { startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

testContract('the Qdrant store after failed requests', CRASH_CASES, async () => ({
  subject: openQdrantRecords,
  close: async () => {},
}))

describe('a Qdrant store', () => {
  it.each(['before', 'half', 'after'] as const)(
    'opens after a first start that failed because a request was cut: %s execution',
    async (cut) => {
      for (let n = 0; ; n += 1) {
        await using server = await startFakeQdrant()
        const died = dieAt(server, n, cut)
        const first = await openOn(server.url).catch((error: Error) => error.message)
        if (typeof first !== 'string') await first.close()
        if (!died()) break
        expect(first).toMatch(/^QDRANT_URL: qdrant at 127\.0\.0\.1:\d+: /)
        server.fault = () => undefined
        const store = await openOn(server.url)
        await store.commit([put('x', { dense: new Float32Array([1, 0]) }), put('x', { collection: 'turns' })])
        expect(await store.scroll('memories', SCOPE, { limit: 5 })).toHaveLength(1)
        expect(await store.scopes('turns', { limit: 5 })).toEqual([SCOPE])
        await store.close()
      }
    },
  )

  it('rejects an invalid write before it sends a request', async () => {
    await using server = await startFakeQdrant()
    const store = await openOn(server.url)
    const refused: [Write, RegExp][] = [
      [put('x', { dense: new Float32Array(3) }), /expected an embedding of 2 dimensions, got 3/],
      [put('x', { order: 1.5 }), /expected order to be a safe integer .* got 1\.5/],
      [put('x', { order: -1 }), /expected order/],
      [put('x\ud800'), /expected id to be well-formed Unicode/],
      [put('x', { scope: '\udc00' }), /expected scope to be well-formed/],
      [
        put('x', { payload: { text: 'x'.repeat(9e6) } }),
        /expected a payload of at most 8388608 bytes, got 90/,
      ],
    ]
    const before = server.requests.length
    for (const [write, reason] of refused) {
      await expect(store.commit([put('fine'), write])).rejects.toThrow(reason)
    }
    expect(server.requests).toHaveLength(before)
    // Within a payload, a lone surrogate is allowed.
    await store.commit([put('cut', { payload: { text: 'half a \ud83d' } })])
    expect((await store.get('memories', SCOPE, 'cut'))?.payload).toEqual({ text: 'half a \ud83d' })
    await store.close()
  })

  it('commits more data than one request can hold, atomically', async () => {
    await using server = await startFakeQdrant()
    const store = await openOn(server.url)
    const big = Array.from({ length: 4 }, (_, i) =>
      put(`b${i}`, { order: i, payload: { text: 'x'.repeat(5e6) } }),
    )
    const many = Array.from({ length: 1200 }, (_, i) => put(`m${i}`, { order: 9, collection: 'turns' }))
    // Without the second part of its journal entry, the commit does not exist.
    dieAt(server, 1, 'before')
    await expect(store.commit([...big, ...many])).rejects.toThrow(/nothing was stored/)
    server.fault = () => undefined
    expect(await store.scopes('turns', { limit: 1 })).toEqual([])
    const first = server.requests.length
    await store.commit([...big, ...many])
    for (const { body } of server.requests.slice(first)) {
      expect(JSON.stringify(body ?? '').length).toBeLessThan(32 * 1024 * 1024)
    }
    expect(await store.scroll('memories', SCOPE, { limit: 9 })).toHaveLength(4)
    expect(await store.scroll('turns', SCOPE, { limit: 2000 })).toHaveLength(1200)
    await store.close()
  })
})
