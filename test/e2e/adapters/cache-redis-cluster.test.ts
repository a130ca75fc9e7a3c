import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { CACHE_CASES, OWN_BOUNDS } from '../../contract/cache-store.ts'
import { testContract } from '../../contract/contract.ts'
import { useCluster } from '../../helpers/redis-cluster.ts'
import { NEEDS, NO_REDIS, type RedisServer } from '../../helpers/redis-server.ts'
import {
  adminsOf,
  connectedRedis,
  eventually,
  fails,
  keyCounts,
  outcomeOf,
  redisSubject,
  succeeds,
} from '../../helpers/redis-subject.ts'

const HOUR = 3_600_000

describe.skipIf(NO_REDIS)(`on a Redis Cluster ${NEEDS}`, () => {
  const cluster = useCluster()

  testContract(
    'the Redis cache',
    CACHE_CASES.filter(({ name }) => !OWN_BOUNDS.includes(name)),
    redisSubject(cluster.url),
  )

  it('keeps a scope on one node and spreads scopes over the nodes', async () => {
    const store = await connectedRedis(cluster.url(), { keyPrefix: 'spread:' })
    expect(store.kind).toBe('redis cluster')
    for (let i = 0; i < 30; i++) {
      await store.set(`author/one/${i}`, 'v', HOUR)
      await store.set(`author/scope-${i}/k`, 'v', HOUR)
    }
    expect(await keyCounts(cluster.url(), 'spread:{one}*')).toEqual([0, 0, 30])
    expect((await keyCounts(cluster.url(), 'spread:{scope-*')).every((count) => count > 0)).toBe(true)
  })

  it('follows a slot that moves to another node', async () => {
    const store = await connectedRedis(cluster.url())
    await store.set('author/moving/k', 'v', HOUR)
    const admins = await adminsOf(cluster.url())
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
    // During the migration the old node redirects this one command (ASK).
    expect((await store.get('author/moving/k'))?.value).toBe('v')
    for (const admin of [target, ...admins]) await admin.cluster('SETSLOT', slot, 'NODE', ids[to] as string)
    expect((await store.get('author/moving/k'))?.value).toBe('v')
    for (const admin of admins) admin.disconnect()
  })

  it('rejects while a node hangs, and recovers', async () => {
    const store = await connectedRedis(cluster.url(), { timeoutMs: 1000 })
    const last = cluster.nodes[2] as RedisServer
    last.signal('SIGSTOP')
    const all = () =>
      Promise.all(Array.from({ length: 12 }, (_, i) => outcomeOf(store.set(`author/s${i}/k`, 'v', HOUR))))
    await eventually(all, (outcomes) => outcomes.some((one) => typeof one === 'string'))
    last.signal('SIGCONT')
    await eventually(all, (outcomes) => outcomes.every((one) => one === undefined))
  })

  it('rejects while all nodes are down, and recovers', async () => {
    const store = await connectedRedis(cluster.url(), { timeoutMs: 1000 })
    await store.set('k', 'v', HOUR)
    for (const node of cluster.nodes) await node.kill()
    await fails(() => store.get('k'), 'unreachable')
    for (const node of cluster.nodes) await node.start()
    await succeeds(() => store.set('k', 'again', HOUR))
    expect((await store.get('k'))?.value).toBe('again')
  })
})
