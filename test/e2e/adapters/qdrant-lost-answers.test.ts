import { describe, expect, it } from 'vitest'
import { put, SCOPE } from '../../contract/records-subject.ts'
import { startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

const DENSE = new Float32Array([1, 0])

describe('a Qdrant store whose responses are lost', () => {
  it('repeats each request and reaches the same state', async () => {
    await using server = await startFakeQdrant()
    let asked = 0
    server.fault = () => {
      asked += 1
      return asked % 2 === 1 ? { cut: 'after' } : undefined
    }
    const store = await openOn(server.url, { retryDelayMs: 1 })
    await store.commit([put('x', { dense: DENSE }), put('y', { collection: 'turns' })])
    await store.commit([{ remove: 'x', collection: 'memories', scope: SCOPE }, put('z', { dense: DENSE })])
    await store.generations?.adopt()
    expect(await store.scroll('memories', SCOPE, { limit: 5 })).toMatchObject([{ id: 'z' }])
    expect(await store.scroll('turns', SCOPE, { limit: 5 })).toMatchObject([{ id: 'y' }])
    expect(await store.generations?.dropOthers()).toBe(0)
    await store.close()
    expect(asked).toBeGreaterThan(60)
  })
})
