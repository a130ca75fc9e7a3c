import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { freePort, NEEDS, NO_REDIS, type RedisServer, startRedis } from '../../helpers/redis-server.ts'
import { connectedRedis, eventually, openRedis, outcomeOf, succeeds } from '../../helpers/redis-subject.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

const HOUR = 3_600_000

/** A sentinel that watches a master and replaces it after half a second of silence. It writes its file itself. */
async function startSentinel(master: RedisServer): Promise<RedisServer> {
  const port = await freePort()
  const file = join(tempDir(), 'sentinel.conf')
  writeFileSync(
    file,
    [
      `port ${port}`,
      `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds mymaster 500',
      'sentinel failover-timeout mymaster 3000',
    ].join('\n'),
  )
  return await startRedis([], { port, sentinelFile: file })
}

describe.skipIf(NO_REDIS)(`on Redis with Sentinel ${NEEDS}`, () => {
  it('follows the master to another server after a failover', async () => {
    await using master = await startRedis()
    await using replica = await startRedis(['--replicaof', `127.0.0.1 ${master.port}`])
    await using sentinel = await startSentinel(master)
    const watcher = new Redis(sentinel.url)
    await eventually(
      async () => (await watcher.call('SENTINEL', 'REPLICAS', 'mymaster')) as unknown[],
      (replicas) => replicas.length === 1,
    )

    // The unreachable sentinel is skipped.
    const sentinels = `127.0.0.1:${await freePort()},127.0.0.1:${sentinel.port}`
    const store = await connectedRedis(`redis+sentinel://${sentinels}/mymaster`, { timeoutMs: 1000 })
    expect(store.kind).toBe('redis sentinel')
    await store.set('k', 'v', HOUR)
    const copy = new Redis(replica.url)
    await eventually(
      () => copy.exists('p:{}k'),
      (count) => count === 1,
    )

    await master.kill()
    expect(typeof (await outcomeOf(store.get('k')))).toBe('string')
    await succeeds(() => store.set('after', 'v', HOUR))
    expect((await store.get('k'))?.value).toBe('v')
    expect(await copy.exists('p:{}after')).toBe(1)
    copy.disconnect()
    watcher.disconnect()
  })

  it('reports that no sentinel is reachable, and recovers when one is', async () => {
    await using master = await startRedis()
    await using sentinel = await startSentinel(master)
    await sentinel.kill()
    const url = `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster`
    const store = openRedis(url, { timeoutMs: 500 })
    expect(await outcomeOf(store.get('k'))).toBe('unreachable')
    await expect(store.check()).rejects.toThrow(
      /^redis at 127\.0\.0\.1:\d+\/mymaster: All sentinels are unreachable/,
    )
    await sentinel.start()
    await succeeds(() => store.set('k', 'v', HOUR))
  })
})
