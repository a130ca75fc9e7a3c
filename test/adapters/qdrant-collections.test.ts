import { describe, expect, it } from 'vitest'
import { lexicalEmbedder } from '../../sidecar/adapters/embedder/lexical.ts'
import { assertSameEmbedder, reembed } from '../../sidecar/memory/embedder-guard.ts'
import { scrollAll } from '../../sidecar/ports/records.ts'
import { put } from '../contracts/records.ts'
import { journalOf, SCOPE } from '../fake-qdrant/crash-cases.ts'
import { type FakeQdrant, startFakeQdrant } from '../fake-qdrant/server.ts'
import { openOn } from '../fake-qdrant/subject.ts'

const OLD = { name: 'old-model', dimensions: 2 }
const NEW = { name: 'new-model', dimensions: 3 }

function memoriesOf({ state }: FakeQdrant): { name: string; size: number; points: number }[] {
  return [...state.collections]
    .filter(([name]) => name.startsWith('p_memories_'))
    .map(([name, { params, points }]) => ({ name, size: params.vectors.dense.size, points: points.size }))
}

describe('the collections of a Qdrant store', () => {
  it('are indexed by scope as the tenant, kind and order, and have one graph for each scope', async () => {
    await using server = await startFakeQdrant()
    await (await openOn(server.url, { embedder: OLD, replicationFactor: 3 })).close()
    const [memories] = memoriesOf(server)
    expect(memories?.name).toMatch(/^p_memories_[0-9a-f]{16}$/)
    expect([...server.state.collections.keys()].sort()).toEqual(['p_documents', memories?.name])
    expect(server.state.aliases).toEqual(new Map([['p_memories', memories?.name]]))
    for (const { indexes, params } of server.state.collections.values()) {
      expect(Object.fromEntries(indexes)).toEqual({
        scope: { type: 'keyword', is_tenant: true },
        collection: { type: 'keyword' },
        order: { type: 'integer', lookup: true, range: true },
      })
      expect(params).toMatchObject({ replication_factor: 3, write_consistency_factor: 2 })
    }
    const { params, hnsw } = server.state.collections.get(memories?.name as string) ?? {}
    expect(params.vectors.dense).toMatchObject({ size: 2, distance: 'Cosine' })
    expect(hnsw).toEqual({ m: 0, payload_m: 16 })
    expect(server.state.collections.get('p_documents')?.params.vectors).toEqual({})
  })

  it('are read from most of the copies where there are several', async () => {
    await using server = await startFakeQdrant()
    const store = await openOn(server.url, { replicationFactor: 3 })
    const first = server.requests.length
    await store.get('turns', SCOPE, 'x')
    await store.scroll('turns', SCOPE, { limit: 2, after: { order: 1, id: 'a' } })
    await store.scopes('turns', { limit: 2 })
    for (const { query } of server.requests.slice(first)) expect(query).toEqual({ consistency: 'majority' })
    await store.close()
  })

  it('are made whole when an index is missing, and left alone when none is', async () => {
    await using server = await startFakeQdrant()
    await (await openOn(server.url)).close()
    server.state.collections.get('p_documents')?.indexes.delete('order')
    server.state.aliases.clear()
    await (await openOn(server.url)).close()
    expect(server.state.collections.get('p_documents')?.indexes.has('order')).toBe(true)
    expect(server.state.aliases.size).toBe(1)
    const first = server.requests.length
    await (await openOn(server.url)).close()
    expect(
      server.requests
        .slice(first)
        .filter(({ method, path }) => method === 'PUT' || path === '/collections/aliases'),
    ).toEqual([])
  })

  it('are refused when one of that name has other vectors, with what to do', async () => {
    await using server = await startFakeQdrant()
    await (await openOn(server.url)).close()
    const [memories] = memoriesOf(server)
    const collection = server.state.collections.get(memories?.name as string)
    if (collection) collection.params.vectors = { dense: { size: 768, distance: 'Cosine' } }
    await expect(openOn(server.url, { patienceMs: 60_000 })).rejects.toThrow(
      /^QDRANT_COLLECTION_PREFIX: the collection p_memories_\S+ has vectors of 768 dimensions, and the embedder test gives 2;.* prefix/,
    )
    if (collection) collection.params.vectors = {}
    await expect(openOn(server.url)).rejects.toThrow(/has no vector named dense/)
  })

  it('of two prefixes on one server do not meet', async () => {
    await using server = await startFakeQdrant()
    const one = await openOn(server.url, { prefix: 'one_' })
    const other = await openOn(server.url, { prefix: 'other_' })
    await one.commit([put('x'), put('x', { collection: 'turns' })])
    expect(await other.scopes('memories', { limit: 5 })).toEqual([])
    expect(await other.get('turns', SCOPE, 'x')).toBeUndefined()
    await one.close()
    await other.close()
  })

  it('keep the vectors of two embedders apart, and show all records while they move over', async () => {
    await using server = await startFakeQdrant()
    const before = await openOn(server.url, { embedder: OLD })
    const ids = Array.from({ length: 7 }, (_, i) => `m${i}`)
    const dense = new Float32Array([0, 1])
    await before.commit(ids.map((id, i) => put(id, { order: Math.floor(i / 3), dense })))
    await before.close()
    const [old] = memoriesOf(server)

    const after = await openOn(server.url, { embedder: NEW })
    expect(server.state.aliases.get('p_memories')).toBe(old?.name)
    const fresh = new Float32Array([0, 0, 1])
    await after.commit([
      put('m4', { order: 1, dense: fresh }),
      { remove: 'm0', collection: 'memories', scope: SCOPE },
    ])
    for (const size of [1, 2, 3, 10]) {
      const seen = await Array.fromAsync(scrollAll(after, 'memories', SCOPE, size))
      expect(seen.map(({ id }) => id)).toEqual(ids.slice(1))
    }
    const back = await after.scroll('memories', SCOPE, { limit: 3, direction: 'descending' })
    expect(back.map(({ id }) => id)).toEqual(['m6', 'm5', 'm4'])
    expect((await after.get('memories', SCOPE, 'm4'))?.dense).toEqual(fresh)
    expect((await after.get('memories', SCOPE, 'm5'))?.dense).toEqual(dense)
    expect(await after.scopes('memories', { limit: 5 })).toEqual([SCOPE])
    expect(memoriesOf(server).map(({ size, points }) => ({ size, points }))).toEqual([
      { size: 2, points: 5 },
      { size: 3, points: 1 },
    ])
    await after.commit(ids.slice(1).map((id, i) => put(id, { order: i, dense: fresh })))
    await after.close()
    await (await openOn(server.url, { embedder: NEW })).close()
    expect(memoriesOf(server).map(({ points }) => points)).toEqual([0, 6])
    expect(server.state.aliases.get('p_memories')).not.toBe(old?.name)
  })

  it('are embedded anew by reembed, and the alias follows', async () => {
    await using server = await startFakeQdrant()
    const [one, other] = [lexicalEmbedder({ dimensions: 16 }), lexicalEmbedder({ dimensions: 32 })]
    const before = await openOn(server.url, { embedder: one })
    await assertSameEmbedder(before, one)
    const scopes = ['default/ada', 'default/bob']
    const [dense] = await one.embed(['likes tea'], 'document')
    for (const scope of scopes) {
      await before.commit(['a', 'b'].map((id) => put(id, { scope, dense, payload: { text: 'likes tea' } })))
    }
    await before.close()
    const after = await openOn(server.url, { embedder: other })
    await expect(assertSameEmbedder(after, other)).rejects.toThrow(/npm run reembed/)
    expect(await reembed(after, other, () => {})).toBe(4)
    await assertSameEmbedder(after, other)
    const [fresh] = await other.embed(['likes tea'], 'document')
    for (const scope of scopes) {
      const records = await after.scroll('memories', scope, { limit: 5 })
      expect(records.map((record) => record.dense)).toEqual([fresh, fresh])
    }
    await after.close()
    await (await openOn(server.url, { embedder: other })).close()
    const [emptied, full] = memoriesOf(server)
    expect([emptied?.points, full?.points]).toEqual([0, 4])
    expect(server.state.aliases.get('p_memories')).toBe(full?.name)
  })

  it.each([true, false])(
    'wait for what another process may be at work on; it finishes: %s',
    async (finishes) => {
      await using server = await startFakeQdrant()
      const store = await openOn(server.url)
      server.fault = () => (journalOf(server).length > 0 ? { cut: 'before' } : undefined)
      await store.commit([put('x')])
      await store.close()
      server.fault = () => undefined
      const documents = server.state.collections.get('p_documents')
      for (const [, { payload }] of documents?.points ?? []) {
        if (payload['collection'] !== 'journal') continue
        payload['payload'] = JSON.stringify({
          ...JSON.parse(payload['payload'] as string),
          host: 'elsewhere',
        })
      }
      let looks = 0
      server.fault = ({ path, body }) => {
        if (path.endsWith('/scroll') && JSON.stringify(body).includes('"journal"')) looks += 1
        if (finishes && looks === 2) documents?.points.clear()
        return undefined
      }
      const again = await openOn(server.url, { graceMs: 10 })
      expect((await again.get('memories', SCOPE, 'x')) !== undefined).toBe(!finishes)
      expect(journalOf(server)).toEqual([])
      await again.close()
    },
  )
})
