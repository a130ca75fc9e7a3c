import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CacheStore } from '../../../sidecar/ports/cache-store.ts'
import { freePort, NEEDS, NO_REDIS, type RedisServer, startRedis } from '../../helpers/redis-server.ts'
import { connectedRedis, fails, openRedis, outcomeOf, succeeds } from '../../helpers/redis-subject.ts'

const HOUR = 3_600_000

describe.skipIf(NO_REDIS)(`on a Redis that is restarted ${NEEDS}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  it('reconnects after the server was killed, and after it hung', async () => {
    const states: boolean[] = []
    const store = await connectedRedis(server.url, { timeoutMs: 1000, onState: ({ up }) => states.push(up) })
    await store.set('k', 'v', HOUR)
    await server.kill()
    await fails(() => store.get('k'), 'unreachable')
    await server.start()
    await succeeds(() => store.set('k', 'again', HOUR))
    expect((await store.get('k'))?.value).toBe('again')

    server.signal('SIGSTOP')
    expect(await outcomeOf(store.get('k'))).toBe('timeout')
    await fails(() => store.get('k'), 'unreachable')
    server.signal('SIGCONT')
    expect(await succeeds(() => store.get('k'))).toMatchObject({ value: 'again' })
    expect(states).toEqual([true, false, true, false, true])
  })

  it('does not time out because this process was blocked', async () => {
    const store = await connectedRedis(server.url, { timeoutMs: 500 })
    await store.set('k', 'v', HOUR)
    const asked = outcomeOf(store.get('k'))
    // Blocks the event loop past the timeout, while the answer is waiting to be read.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700)
    expect(await asked).toMatchObject({ value: 'v' })
  })

  it('connects to a server that starts later', async () => {
    const port = await freePort()
    const store = openRedis(`redis://127.0.0.1:${port}`)
    expect(await outcomeOf(store.get('k'))).toBe('unreachable')
    await using late = await startRedis([], { port })
    expect(late.port).toBe(port)
    await succeeds(() => store.set('k', 'v', HOUR))
    expect((await store.get('k'))?.value).toBe('v')
  })

  it('rejects with the reply of Redis when the password is wrong or missing', async () => {
    await using locked = await startRedis(['--requirepass', 'open sesame'])
    const [right, wrong, none] = ['redis://:open%20sesame@', 'redis://:hunter2@', 'redis://'].map((head) =>
      openRedis(`${head}127.0.0.1:${locked.port}`),
    ) as [CacheStore, CacheStore, CacheStore]
    await right.set('k', 'v', HOUR)
    expect((await right.get('k'))?.value).toBe('v')
    await expect(wrong.check()).rejects.toThrow(/WRONGPASS/)
    await expect(none.check()).rejects.toThrow(/NOAUTH/)
  })
})
