import { describe, expect, it } from 'vitest'
import { freePort } from '../../helpers/redis-server.ts'
import { connectedRedis, fails, openRedis, outcomeOf, succeeds, until } from '../../helpers/redis-subject.ts'
import { bulk, HANG, type Reply, startResp } from '../../helpers/resp-server.ts'

const HOUR = 3_600_000
const KEPT = bulk('1mm7irhc0:kept')

describe('the Redis cache', () => {
  it('sends the TTL in milliseconds and only the encoded value', async () => {
    const server = await startResp()
    await openRedis(server.url, { now: () => 1_772_355_600_000 }).set('author/ns/k', 'v', 1234)
    expect(server.commands.at(-1)).toEqual(['SET', 'p:{ns}author/k', '1mm7irhc0:v', 'PX', '1234'])
  })

  it.each<[string, Reply, string]>([
    ['a full server', "-OOM command not allowed when used memory > 'maxmemory'.\r\n", 'refused'],
    ['a loading server', '-LOADING Redis is loading the dataset in memory\r\n', 'refused'],
    ['a read-only replica', "-READONLY You can't write against a read only replica.\r\n", 'refused'],
    ['a server that requires a password', '-NOAUTH Authentication required.\r\n', 'refused'],
    ['a hanging server', HANG, 'timeout'],
    ['a connection reset', { cut: '' }, 'unreachable'],
    ['a connection reset within the reply', { cut: KEPT.slice(0, 9) }, 'unreachable'],
    ['a server that is not Redis', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'unreachable'],
  ])('rejects on %s and recovers', async (_name, reply, reason) => {
    const server = await startResp()
    const store = await connectedRedis(server.url, { timeoutMs: 1000 })
    server.script = () => reply
    expect(await outcomeOf(store.set('k', 'v', HOUR))).toBe(reason)
    await fails(() => store.get('k'), reason)
    server.script = ([name]) => (name === 'GET' ? KEPT : '+OK\r\n')
    expect(await succeeds(() => store.get('k'))).toMatchObject({ value: 'kept' })
  })

  it('reconnects when the server became a replica, to find the new master', async () => {
    const server = await startResp()
    const store = await connectedRedis(server.url)
    server.script = () => '-READONLY no\r\n'
    await outcomeOf(store.set('k', 'v', HOUR))
    await until(() => server.connections() === 2)
  })

  it('closes a connection that stays silent', async () => {
    const server = await startResp()
    const store = await connectedRedis(server.url, { timeoutMs: 100 })
    server.script = () => HANG
    expect(await outcomeOf(store.get('k'))).toBe('timeout')
    await until(() => server.connections() >= 2)
  })

  it('never sends a command twice', async () => {
    const server = await startResp()
    const store = await connectedRedis(server.url, { timeoutMs: 1000 })
    server.script = ([name]) => (name === 'SET' ? { cut: '' } : KEPT)
    await outcomeOf(store.set('k', 'v', HOUR))
    await succeeds(() => store.get('k'))
    expect(server.commands.filter(([name, key]) => name === 'SET' && key === 'p:{}k')).toHaveLength(1)
  })

  it('matches replies to commands after a late reply', async () => {
    const server = await startResp()
    const store = await connectedRedis(server.url, { timeoutMs: 500 })
    const { promise: after, resolve: wakeUp } = Promise.withResolvers<void>()
    server.script = ([, key]) => {
      const reply = bulk(`1a:${key}`)
      return key === 'p:{}slow' ? { after, reply } : reply
    }
    const slow = store.get('slow')
    expect(await outcomeOf(slow)).toBe('timeout')
    const asked = ['a', 'b', 'c'].map((key) => outcomeOf(store.get(key)))
    wakeUp()
    const expected = ['a', 'b', 'c'].map((key) => ({ value: `p:{}${key}`, storedAt: 10 }))
    expect(await Promise.all(asked)).toEqual(expected)
  })

  it('connects to a loading server and uses it once it has loaded', async () => {
    const server = await startResp()
    let loading = true
    server.greeting = ([name]) =>
      name === 'INFO'
        ? bulk(`loading:${loading ? 1 : 0}\r\nloading_eta_seconds:60\r\nrole:master\r\n`)
        : '+OK\r\n'
    server.script = () => KEPT
    const store = openRedis(server.url, { timeoutMs: 100 })
    expect(await outcomeOf(store.get('k'))).toBe('unreachable')
    loading = false
    expect(await succeeds(() => store.get('k'))).toMatchObject({ value: 'kept' })
  })

  it('omits the arguments that Redis repeats from the error', async () => {
    const server = await startResp()
    server.script = () => "-ERR unknown command 'GET', with args beginning with: 'p:secret' \r\n"
    const error = await openRedis(server.url)
      .get('secret')
      .catch((one) => one)
    expect(error.message).toMatch(/ERR unknown command 'GET'$/)
    expect(error.cause).toBeUndefined()
  })

  it('reports an unreachable Redis once', async () => {
    const states: { up: boolean; message: string }[] = []
    const port = await freePort()
    const store = openRedis(`redis://:hunter2@127.0.0.1:${port}`, { onState: (state) => states.push(state) })
    for (let i = 0; i < 5; i++) expect(await outcomeOf(store.get('k'))).toBe('unreachable')
    await expect(store.check()).rejects.toThrow(
      `redis at 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    )
    expect(states).toEqual([
      { up: false, message: `redis at 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}` },
    ])
  })
})
