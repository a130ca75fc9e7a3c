import { describe, expect, it, vi } from 'vitest'
import { nodes } from '../../../tools/index.ts'
import { KEY, type Outcome, runNode, useStub } from '../../helpers/tools/run-tool.ts'
import { FAILURES, USE } from '../../helpers/tools/scenarios.ts'
import { deadUrl, json, silence } from '../../helpers/tools/stub-sidecar.ts'

const stub = await useStub()
/** Each call has an address of its own: Add Memory sends a turn behind those that wait for the same address. */
const call = (tool: string, credentials: Record<string, unknown> = {}, parameters = USE[tool] ?? {}) =>
  runNode(stub, tool, parameters, {
    credentials: { sidecar_url: `${stub.url}/${crypto.randomUUID()}`, ...credentials },
  })

/** Neutral outputs, and the message in `error`, in the JSON object and in the text. */
function expectSoftFailure(tool: string, outcome: Outcome, says: RegExp) {
  const neutral = nodes.find(({ name }) => name === tool)?.outputs ?? {}
  const user = 'user_id' in neutral && { user_id: expect.stringMatching(/^(u1)?$/) }
  // Add Memory queues the turn where a later attempt may succeed.
  const isQueued = tool === 'add_memory' && /The turn is queued/.test(String(outcome.variables['error']))
  const status = isQueued ? 'queued' : 'error'
  expect(outcome.variables).toEqual({ ...neutral, ...user, status, error: expect.stringMatching(says) })
  expect(outcome.json).toHaveLength(1)
  expect(outcome.json[0]).toMatchObject({ status, error: outcome.variables['error'] })
  expect(outcome.text).toContain(outcome.variables['error'])
  expect(outcome.text).not.toContain('\n')
  expect(outcome.wire).not.toContain(KEY)
}

/** Runs a call against a sidecar that never answers, and expects it to give up after exactly `seconds`. */
async function expectDeadline(
  tool: string,
  seconds: number,
  parameters = USE[tool],
  // Two timeouts suspend the calls to an address.
  sidecar_url = `${stub.url}/${crypto.randomUUID()}`,
) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    stub.script = silence
    const received = stub.nextCall()
    const running = call(tool, { sidecar_url }, parameters)
    await received
    await vi.advanceTimersByTimeAsync(seconds * 1000 - 1)
    expect(await Promise.race([running, Promise.resolve('pending')])).toBe('pending')
    await vi.advanceTimersByTimeAsync(1)
    expectSoftFailure(tool, await running, new RegExp(`No answer .* within ${seconds} s`))
  } finally {
    vi.useRealTimers()
  }
}

const WRITES = ['record_outcome', 'add_memory', 'cache_set', 'update_memory', 'delete_memory', 'forget_user']

describe.each(nodes.map(({ name }) => name))('%s', (tool) => {
  it.each(Object.entries(FAILURES))('reports %s in all its outputs', async (_, { script, says }) => {
    stub.script = script
    expectSoftFailure(tool, await call(tool, { api_key: KEY }), says)
  })

  it('reports a missing key', async () => {
    stub.script = json(401, { error: { code: 'unauthorized', message: 'no key', request_id: 'r' } })
    const address = `/${crypto.randomUUID()}`
    const failed = await call(tool, { sidecar_url: stub.url + address })
    expectSoftFailure(tool, failed, /needs an API key, and none is set/)
    // A turn that Add Memory has queued for another address may be sent meanwhile.
    const received = stub.calls.filter(({ path }) => path.startsWith(address))
    expect(received.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })

  it('reports a refused connection, with a hint about localhost', async () => {
    const sidecar_url = (await deadUrl()).replace('127.0.0.1', 'localhost')
    const says = /refused.*Inside Dify's containers localhost is the container itself/
    expectSoftFailure(tool, await call(tool, { sidecar_url, api_key: KEY }), says)
  })

  it('reports an invalid address', async () => {
    const says = /^Sidecar URL: expected an address .* got "hippocache:8484"/
    expectSoftFailure(tool, await call(tool, { sidecar_url: 'hippocache:8484', api_key: KEY }), says)
  })

  it('reports an invalid key', async () => {
    expectSoftFailure(tool, await call(tool, { api_key: 'a\nb' }), /^API key: expected printable ASCII/)
    expect(stub.calls).toHaveLength(0)
  })

  it('gives up at its deadline', async () => {
    // Flush Memory waits for a language model by default.
    await expectDeadline(tool, tool === 'flush_memory' ? 60 : WRITES.includes(tool) ? 10 : 5)
  })
})

it('add_memory in mode sync has a deadline of 60 s', () =>
  expectDeadline('add_memory', 60, { ...USE['add_memory'], mode: 'sync' }))

it('flush_memory has a deadline of 10 s when it does not wait for a model', () =>
  expectDeadline('flush_memory', 10, { ...USE['flush_memory'], wait: false }))

describe('a connection that breaks once', () => {
  /** Returns the address, and the idempotency keys of the calls to it: queued turns of earlier tests are delivered too. */
  const breakOnce = () => {
    const keys: unknown[] = []
    const path = `/${crypto.randomUUID()}`
    stub.script = (received, response, request) => {
      const isOwn = received.path.startsWith(path)
      if (isOwn && keys.push(received.headers['idempotency-key']) === 1) request.socket.destroy()
      else json(200, { status: 'stored', turn_id: 't' })(received, response, request)
    }
    return { sidecar_url: stub.url + path, keys }
  }

  it('is retried with the same idempotency key when the call is repeatable', async () => {
    const { sidecar_url, keys } = breakOnce()
    expect((await call('add_memory', { sidecar_url })).variables['status']).toBe('stored')
    expect(keys).toHaveLength(2)
    expect(keys[0]).toBeTruthy()
    expect(keys[1]).toBe(keys[0])
  })

  it('is retried for a turn without a number, which its idempotency key identifies', async () => {
    const { sidecar_url, keys } = breakOnce()
    const { variables } = await call('add_memory', { sidecar_url }, { user: 'hello', user_id: 'u1' })
    expect(variables['status']).toBe('stored')
    expect([keys.length, new Set(keys).size]).toEqual([2, 1])
  })

  it('is retried at most once', async () => {
    stub.script = FAILURES['a closed connection']?.script ?? silence
    await call('cache_get')
    expect(stub.calls).toHaveLength(2)
  })
})

it('sends a new idempotency key with each call', async () => {
  stub.script = json(200, { status: 'stored' })
  await call('cache_set')
  await call('cache_set')
  expect(new Set(stub.calls.map(({ headers }) => headers['idempotency-key'])).size).toBe(2)
})

it('ignores the proxy settings of the environment', async () => {
  vi.stubEnv('HTTP_PROXY', await deadUrl())
  vi.stubEnv('http_proxy', process.env['HTTP_PROXY'] ?? '')
  vi.stubEnv('NO_PROXY', '')
  vi.stubEnv('no_proxy', '')
  try {
    stub.script = json(200, { status: 'miss', value: null })
    expect((await call('cache_get')).variables['status']).toBe('miss')
  } finally {
    vi.unstubAllEnvs()
  }
})

it('after two timeouts, fails at once until a probe in the background succeeds', async () => {
  const sidecar_url = `${stub.url}/hung`
  await expectDeadline('retrieve_memory', 5, USE['retrieve_memory'], sidecar_url)
  await expectDeadline('add_memory', 10, USE['add_memory'], sidecar_url)
  stub.calls.length = 0
  const suspended = await call('retrieve_memory', { sidecar_url })
  expectSoftFailure('retrieve_memory', suspended, /did not answer 2 calls in a row/)
  expect(stub.calls).toHaveLength(0)
})

it('recognises a key that was entered together with its name', async () => {
  stub.script = json(401, { error: { code: 'unauthorized', message: 'wrong key', request_id: 'r' } })
  const { variables } = await call('retrieve_memory', { api_key: `shop:${KEY}` })
  expect(variables['error']).toContain('enter only the part after the colon')
  const other = await call('retrieve_memory', { api_key: KEY })
  expect(other.variables['error']).toContain('Compare it with')
})
