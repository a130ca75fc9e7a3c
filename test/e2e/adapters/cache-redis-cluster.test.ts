import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CACHE_CASES, OWN_BOUNDS } from '../../contract/cache-store.ts'
import { testContract } from '../../contract/contract.ts'
import { startCluster } from '../../helpers/redis-cluster.ts'
import { NEEDS, NO_REDIS, type RedisServer } from '../../helpers/redis-server.ts'
import { adminsOf, connectedRedis, eventually, outcomeOf, redisSubject } from '../../helpers/redis-subject.ts'

const HOUR = 3_600_000

describe.skipIf(NO_REDIS)(`on a Redis Cluster ${NEEDS}`, () => {
  let nodes: RedisServer[] = []
  // One address is enough: the cluster names the others.
  const url = () => `redis+cluster://127.0.0.1:${nodes[0]?.port}`
  beforeAll(async () => {
    nodes = await startCluster()
  })
  afterAll(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]()
  })

  testContract(
    'the Redis cache',
    CACHE_CASES.filter(({ name }) => !OWN_BOUNDS.includes(name)),
    redisSubject(url),
  )

  it('keeps one scope on one node, and spreads scopes', async () => {
    const store = await connectedRedis(url(), { keyPrefix: 'spread:' })
    expect(store.kind).toBe('redis cluster')
    for (let i = 0; i < 30; i++) {
      await store.set(`author/one/${i}`, 'v', HOUR)
      await store.set(`author/scope-${i}/k`, 'v', HOUR)
    }
    const admins = await adminsOf(url())
    const held = (pattern: string) =>
      Promise.all(admins.map(async (admin) => (await admin.keys(pattern)).length))
    expect((await held('spread:{one}*')).sort()).toEqual([0, 0, 30])
    expect((await held('spread:{scope-*')).every((count) => count > 0)).toBe(true)
    for (const admin of admins) admin.disconnect()
  })

  it('follows a slot that has moved to another node', async () => {
    const store = await connectedRedis(url())
    await store.set('author/moving/k', 'v', HOUR)
    const admins = await adminsOf(url())
    const [source] = admins as [Redis, ...Redis[]]
    const slot = await source.cluster('KEYSLOT', 'p:{moving}author/k')
    const ids = await Promise.all(admins.map((admin) => admin.cluster('MYID')))
    const counts = await Promise.all(admins.map((admin) => admin.exists('p:{moving}author/k').catch(() => 0)))
    const from = counts.indexOf(1)
    const to = (from + 1) % 3
    const target = admins[to] as Redis
    await target.cluster('SETSLOT', slot, 'IMPORTING', ids[from] as string)
    await (admins[from] as Redis).cluster('SETSLOT', slot, 'MIGRATING', ids[to] as string)
    const { host, port } = target.options
    await (admins[from] as Redis).migrate(host as string, port as number, 'p:{moving}author/k', 0, 5000)
    // Between two nodes: the old one sends the client on for this one question.
    expect((await store.get('author/moving/k'))?.value).toBe('v')
    for (const admin of [target, ...admins]) await admin.cluster('SETSLOT', slot, 'NODE', ids[to] as string)
    expect((await store.get('author/moving/k'))?.value).toBe('v')
    for (const admin of admins) admin.disconnect()
  })

  it('rejects when a node is gone, and recovers by itself', async () => {
    const store = await connectedRedis(url(), { timeoutMs: 1000 })
    const last = nodes[2] as RedisServer
    last.signal('SIGSTOP')
    const all = () =>
      Promise.all(Array.from({ length: 12 }, (_, i) => outcomeOf(store.set(`author/s${i}/k`, 'v', HOUR))))
    await eventually(all, (outcomes) => outcomes.some((one) => typeof one === 'string'))
    last.signal('SIGCONT')
    await eventually(all, (outcomes) => outcomes.every((one) => one === undefined))
  })

  it('rejects when all nodes are gone, and recovers when they are back', async () => {
    const store = await connectedRedis(url(), { timeoutMs: 1000 })
    await store.set('k', 'v', HOUR)
    for (const node of nodes) await node.kill()
    await eventually(
      () => outcomeOf(store.get('k')),
      (outcome) => outcome === 'unreachable',
    )
    for (const node of nodes) await node.start()
    await eventually(
      () => outcomeOf(store.set('k', 'again', HOUR)),
      (outcome) => outcome === undefined,
    )
    expect((await store.get('k'))?.value).toBe('again')
  })
})
