import { describe, expect, it } from 'vitest'
import { fieldsOf } from '../../../sidecar/memory/model/filters.ts'
import { put } from '../../contract/records.ts'
import { SCOPE } from '../../helpers/fake-qdrant/crash-cases.ts'
import { type FakeQdrant, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

const OLD = { name: 'old-model', dimensions: 2 }
const NEW = { name: 'new-model', dimensions: 3 }

function memoriesOf({ state }: FakeQdrant): { name: string; size: number; points: number }[] {
  return [...state.collections]
    .filter(([name]) => name.startsWith('p_memories_'))
    .map(([name, { params, points }]) => ({ name, size: params.vectors.dense.size, points: points.size }))
}

const SPARSE = { indices: Uint32Array.from([1]), values: Float32Array.from([1]) }

/** The vectors that Qdrant indexes for a record. */
function vectorsOf({ state }: FakeQdrant, id: string) {
  const points = [...state.collections.values()].flatMap((collection) => [...collection.points.values()])
  return points.find(({ payload }) => payload['record_id'] === id)?.vector
}

describe('the collections of a Qdrant store', () => {
  it('are indexed by scope as the tenant, kind and order, and have one graph for each scope', async () => {
    await using server = await startFakeQdrant()
    await (await openOn(server.url, { embedder: OLD, replicationFactor: 3 })).close()
    const [memories] = memoriesOf(server)
    expect(memories?.name).toMatch(/^p_memories_[0-9a-f]{16}$/)
    expect([...server.state.collections.keys()].sort()).toEqual(['p_documents', memories?.name])
    expect(server.state.aliases).toEqual(new Map([['p_memories', memories?.name]]))
    for (const [name, { indexes, params }] of server.state.collections) {
      const { scope, collection, order, ...fields } = Object.fromEntries(indexes)
      expect({ scope, collection, order }).toEqual({
        scope: { type: 'keyword', is_tenant: true },
        collection: { type: 'keyword' },
        order: { type: 'integer', lookup: true, range: true },
      })
      // One for every field that a filter may name, where the memories are.
      const filterable = Object.keys(fieldsOf({ metadata: {}, sources: [] } as never))
      const expected = name === memories?.name ? filterable.map((field) => `fields.${field}`) : []
      expect(Object.keys(fields).sort()).toEqual(expected.sort())
      expect(params).toMatchObject({ replication_factor: 3, write_consistency_factor: 2, shard_number: 1 })
    }
    const { params, hnsw } = server.state.collections.get(memories?.name as string) ?? {}
    expect(params.vectors.dense).toMatchObject({ size: 2, distance: 'Cosine' })
    expect(params.sparse_vectors).toEqual({ sparse: { modifier: 'idf' } })
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
    await expect(openOn(server.url, { startupTimeoutMs: 60_000 })).rejects.toThrow(
      /^QDRANT_COLLECTION_PREFIX: the collection p_memories_\S+ has vectors of 768 dimensions, and the embedder test returns 2;.* prefix/,
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

  it('take the options of a cluster', async () => {
    await using server = await startFakeQdrant()
    const cluster = { replicationFactor: 3, writeConsistencyFactor: 1, shardNumber: 6 }
    await (await openOn(server.url, cluster)).close()
    for (const { params } of server.state.collections.values()) {
      expect(params).toMatchObject({ replication_factor: 3, write_consistency_factor: 1, shard_number: 6 })
    }
  })

  it('are given the vector of terms where they were made without', async () => {
    await using server = await startFakeQdrant()
    const dense = new Float32Array([1, 0])
    const before = await openOn(server.url)
    await before.commit([put('old', { dense })])
    await before.close()
    const memories = server.state.collections.get(memoriesOf(server)[0]?.name as string)
    if (memories) memories.params.sparse_vectors = undefined
    const after = await openOn(server.url)
    expect(memories?.params.sparse_vectors).toEqual({ sparse: { modifier: 'idf' } })
    await after.commit([put('new', { dense, sparse: SPARSE })])
    expect(vectorsOf(server, 'new')).toEqual({ dense: [1, 0], sparse: { indices: [1], values: [1] } })
    expect(vectorsOf(server, 'old')).toEqual({ dense: [1, 0] })
    await after.close()
  })

  it('get no sparse vector where the server cannot add one', async () => {
    await using server = await startFakeQdrant()
    await (await openOn(server.url)).close()
    const memories = server.state.collections.get(memoriesOf(server)[0]?.name as string)
    if (memories) memories.params.sparse_vectors = undefined
    server.fault = ({ path }) => (path.includes('/vectors/') ? { status: 404 } : undefined)
    const store = await openOn(server.url)
    await store.commit([put('x', { dense: new Float32Array([1, 0]), sparse: SPARSE })])
    expect(vectorsOf(server, 'x')).toEqual({ dense: [1, 0] })
    expect((await store.get('memories', SCOPE, 'x'))?.sparse).toEqual(SPARSE)
    await store.close()
  })

  it('keep the records of two embedders apart', async () => {
    await using server = await startFakeQdrant()
    const before = await openOn(server.url, { embedder: OLD })
    await before.commit([put('x', { dense: new Float32Array([0, 1]) })])
    const [old] = memoriesOf(server)
    const after = await openOn(server.url, { embedder: NEW })
    expect(await after.get('memories', SCOPE, 'x')).toBeUndefined()
    await after.commit([put('y', { dense: new Float32Array([0, 0, 1]) })])
    expect(await before.scroll('memories', SCOPE, { limit: 5 })).toHaveLength(1)
    expect(server.state.aliases.get('p_memories')).toBe(old?.name)
    await after.generations?.adopt()
    expect(server.state.aliases.get('p_memories')).toBe(memoriesOf(server)[1]?.name)
    expect(await after.generations?.dropOthers()).toBe(1)
    expect(memoriesOf(server).map(({ size, points }) => ({ size, points }))).toEqual([{ size: 3, points: 1 }])
    await before.close()
    await after.close()
  })
})
