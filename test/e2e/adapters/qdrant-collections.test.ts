import { describe, expect, it } from 'vitest'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { put } from '../../contract/records.ts'
import { SCOPE } from '../../helpers/fake-qdrant/crash-cases.ts'
import { type FakeQdrant, startFakeQdrant } from '../../helpers/fake-qdrant/server.ts'
import { openOn } from '../../helpers/fake-qdrant/subject.ts'

const OLD = { name: 'old-model', dimensions: 2 }
const NEW = { name: 'new-model', dimensions: 3 }

const SCOPE_INDEX = { type: 'keyword', is_tenant: true }
const ORDER_INDEX = { type: 'integer', lookup: true, range: true }

function memoriesOf({ state }: FakeQdrant) {
  return [...state.collections]
    .filter(([name]) => name.startsWith('p_memories_'))
    .map(([name, { params, points }]) => {
      const records = [...points.values()].filter(({ payload }) => payload['collection'] === 'memories')
      return { name, size: params.vectors.dense.size, points: records.length }
    })
}

const EARLIER = Array.from({ length: 250 }, (_, i) => ({
  id: `m${i}`,
  order: i,
  payload: { text: `m${i}` },
  dense: i === 0 ? undefined : Float32Array.of(Math.sin(i), Math.cos(i)),
}))

/** Leaves a collection without the vector of the terms, as earlier versions made them. */
async function openEarlierVersion(server: FakeQdrant) {
  const store = await openOn(server.url)
  await store.commit(EARLIER.map((record) => ({ put: record, collection: 'memories', scope: SCOPE })))
  await store.close()
  const [memories] = memoriesOf(server)
  const name = memories?.name as string
  const { params } = server.state.collections.get(name) ?? {}
  params.sparse_vectors = undefined
  return { name, params }
}

const recordsIn = async (store: RecordStore) =>
  (await store.scroll('memories', SCOPE, { limit: 1000 })).map(({ id, order, payload, dense }) => ({
    ...{ id, order, payload, dense },
  }))

/** As a server before 1.18. */
function withoutVectorNames({ path }: { path: string }) {
  return path.endsWith('/vectors/sparse') ? { status: 404 } : undefined
}

describe('the collections of a Qdrant store', () => {
  it('have indexes for the scope as tenant, the kind and the order, and one graph per scope', async () => {
    await using server = await startFakeQdrant()
    await (await openOn(server.url, { embedder: OLD, replicationFactor: 3 })).close()
    const [memories] = memoriesOf(server)
    expect(memories?.name).toMatch(/^p_memories_[0-9a-f]{16}$/)
    expect([...server.state.collections.keys()].sort()).toEqual(['p_documents', memories?.name])
    expect(server.state.aliases).toEqual(new Map([['p_memories', memories?.name]]))
    for (const [name, { indexes, params }] of server.state.collections) {
      const searchable = name === memories?.name ? { searchable: { type: 'bool' } } : {}
      const expected = {
        scope: SCOPE_INDEX,
        collection: { type: 'keyword' },
        order: ORDER_INDEX,
        ...searchable,
      }
      expect(Object.fromEntries(indexes)).toEqual(expected)
      expect(params).toMatchObject({ replication_factor: 3, write_consistency_factor: 2, shard_number: 1 })
    }
    const { params, hnsw } = server.state.collections.get(memories?.name as string) ?? {}
    expect(params.vectors.dense).toMatchObject({ size: 2, distance: 'Cosine' })
    expect(params.sparse_vectors).toEqual({ sparse: { modifier: 'idf' } })
    expect(hnsw).toEqual({ m: 0, payload_m: 16 })
    expect(server.state.collections.get('p_documents')?.params.vectors).toEqual({})
  })

  it('are read with majority consistency when they are replicated', async () => {
    await using server = await startFakeQdrant()
    const store = await openOn(server.url, { replicationFactor: 3 })
    const first = server.requests.length
    await store.get('turns', SCOPE, 'x')
    await store.scroll('turns', SCOPE, { limit: 2, after: { order: 1, id: 'a' } })
    await store.scopes('turns', { limit: 2 })
    for (const { query } of server.requests.slice(first)) expect(query).toEqual({ consistency: 'majority' })
    await store.close()
  })

  it('get a missing index and alias at the next start, and nothing else is written', async () => {
    await using server = await startFakeQdrant()
    await (await openOn(server.url)).close()
    server.state.collections.get('p_documents')?.indexes.delete('order')
    server.state.aliases.clear()
    await (await openOn(server.url)).close()
    expect(server.state.collections.get('p_documents')?.indexes.has('order')).toBe(true)
    expect(server.state.aliases.size).toBe(1)
    const first = server.requests.length
    await (await openOn(server.url)).close()
    const isChange = ({ method, path }: { method: string; path: string }) =>
      method === 'PUT' || path === '/collections/aliases'
    expect(server.requests.slice(first).filter(isChange)).toEqual([])
  })

  it.each<[string, object, RegExp]>([
    [
      'another size',
      { vectors: { dense: { size: 768, distance: 'Cosine' } } },
      /vectors of 2 dimensions.*got 768/,
    ],
    ['no vector of that name', { vectors: {} }, /a vector named dense .*got none/],
    [
      'another distance',
      { vectors: { dense: { size: 2, distance: 'Dot' } } },
      /the distance Cosine .*got Dot/,
    ],
    [
      'terms without rarity',
      { sparse_vectors: { sparse: {} } },
      /the modifier idf of the vector sparse .*got none/,
    ],
  ])('are rejected if an existing collection has %s', async (_, params, reason) => {
    await using server = await startFakeQdrant()
    await (await openOn(server.url)).close()
    const [memories] = memoriesOf(server)
    Object.assign(server.state.collections.get(memories?.name as string)?.params, params)
    const opened = openOn(server.url, { startupTimeoutMs: 60_000 })
    await expect(opened).rejects.toThrow(
      /^QDRANT_COLLECTION_PREFIX: expected .*p_memories_.* Set another prefix/,
    )
    await expect(opened).rejects.toThrow(reason)
  })

  it('of an earlier version get the vector of the terms', async () => {
    await using server = await startFakeQdrant()
    const { params } = await openEarlierVersion(server)
    await (await openOn(server.url)).close()
    expect(params.sparse_vectors).toEqual({ sparse: { modifier: 'idf' } })
  })

  it('of an earlier version are copied if the server cannot add a vector, and keep their name as an alias', async () => {
    await using server = await startFakeQdrant()
    const { name } = await openEarlierVersion(server)
    server.fault = withoutVectorNames
    const store = await openOn(server.url)
    expect(server.state.aliases).toEqual(
      new Map([
        [name, `${name}_copy`],
        ['p_memories', `${name}_copy`],
      ]),
    )
    expect(server.state.collections.has(name)).toBe(false)
    expect(await recordsIn(store)).toEqual(EARLIER)
    await store.commit([put('new')])
    await store.generations?.adopt()
    expect(await store.generations?.dropOthers()).toBe(0)
    await store.close()
    const requests = server.requests.length
    const again = await openOn(server.url)
    expect(server.requests.slice(requests).filter(({ method }) => method !== 'GET')).toEqual(
      expect.not.arrayContaining([
        expect.objectContaining({ path: expect.stringContaining('/points/batch') }),
      ]),
    )
    expect(await again.scroll('memories', SCOPE, { limit: 1000 })).toHaveLength(EARLIER.length + 1)
    await again.close()
  })

  it('of an earlier version lose nothing when the copy is interrupted at any request', async () => {
    for (let n = 0; ; n += 1) {
      await using server = await startFakeQdrant()
      await openEarlierVersion(server)
      const first = server.requests.length
      server.fault = (request) =>
        withoutVectorNames(request) ??
        (server.requests.length - first > n ? { cut: n % 2 === 0 ? 'before' : 'after' } : undefined)
      const isOpen = await openOn(server.url).then(
        (store) => store.close().then(() => true),
        () => false,
      )
      if (isOpen) {
        expect(n).toBeGreaterThan(20)
        return
      }
      server.fault = withoutVectorNames
      const store = await openOn(server.url)
      expect(await recordsIn(store)).toEqual(EARLIER)
      await store.close()
    }
  })

  it('of an earlier version are not copied while other sidecars may write', async () => {
    await using server = await startFakeQdrant()
    await openEarlierVersion(server)
    server.fault = withoutVectorNames
    const runExclusive = (_: string, task: () => Promise<void>) => task()
    await expect(openOn(server.url, { runExclusive })).rejects.toThrow(
      /^QDRANT_URL: .*no vector named sparse.*`npm run reembed`, which copies.*upgrade Qdrant/,
    )
  })

  it('are separate for each prefix on one server', async () => {
    await using server = await startFakeQdrant()
    const one = await openOn(server.url, { prefix: 'one_' })
    const other = await openOn(server.url, { prefix: 'other_' })
    await one.commit([put('x'), put('x', { collection: 'turns' })])
    expect(await other.scopes('memories', { limit: 5 })).toEqual([])
    expect(await other.get('turns', SCOPE, 'x')).toBeUndefined()
    await one.close()
    await other.close()
  })

  it('get the configured cluster options', async () => {
    await using server = await startFakeQdrant()
    const cluster = { replicationFactor: 3, writeConsistencyFactor: 1, shardNumber: 6 }
    await (await openOn(server.url, cluster)).close()
    for (const { params } of server.state.collections.values()) {
      expect(params).toMatchObject({ replication_factor: 3, write_consistency_factor: 1, shard_number: 6 })
    }
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
    expect(memoriesOf(server)).toMatchObject([{ size: 3, points: 1 }])
    await before.close()
    await after.close()
  })
})
