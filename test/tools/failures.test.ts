import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { KEY, mismatches, runTool } from './run-tool.ts'
import { FAILURES, USE } from './scenarios.ts'
import { deadUrl, json, type StubSidecar, silence, startStub } from './stub-sidecar.ts'

let stub: StubSidecar
beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub[Symbol.asyncDispose]())
beforeEach(() => {
  stub.calls.length = 0
})

/** What every node must hold to when its sidecar fails. */
function expectSoftFailure(tool: string, outcome: Awaited<ReturnType<typeof runTool>>, says: RegExp) {
  expect(outcome.error).toBeUndefined()
  expect(mismatches(tool, outcome.variables)).toEqual([])
  expect(outcome.variables).toMatchObject({ status: 'error', error: expect.stringMatching(says) })
  expect(outcome.json).toHaveLength(1)
  expect(outcome.json[0]).toMatchObject({ status: 'error', error: outcome.variables['error'] })
  expect(outcome.text).toContain(outcome.variables['error'])
  expect(outcome.text).not.toContain('\n')
  expect(outcome.wire).not.toContain(KEY)
}

describe.each(Object.entries(USE))('%s', (tool, parameters) => {
  const credentials = () => ({ sidecar_url: stub.url, api_key: KEY })

  it.each(Object.entries(FAILURES))(
    'answers with an error and every output on %s',
    async (_, { script, says }) => {
      stub.script = script
      expectSoftFailure(tool, await runTool({ tool, parameters, credentials: credentials() }), says)
    },
  )

  it('names a key that is missing, as such', async () => {
    stub.script = json(401, { error: { code: 'unauthorized', message: 'no key', request_id: 'r' } })
    const outcome = await runTool({ tool, parameters, credentials: { sidecar_url: stub.url } })
    expectSoftFailure(tool, outcome, /needs an API key, and none is set/)
    expect(stub.calls[0]?.headers.authorization).toBeUndefined()
  })

  it('says so when nobody listens, with a hint about localhost', async () => {
    const sidecar_url = (await deadUrl()).replace('127.0.0.1', 'localhost')
    const outcome = await runTool({ tool, parameters, credentials: { sidecar_url, api_key: KEY } })
    expectSoftFailure(tool, outcome, /refused.*Inside Dify's containers localhost is the container itself/)
  })

  it('says so when the address is none', async () => {
    const outcome = await runTool({
      tool,
      parameters,
      credentials: { sidecar_url: 'hippocache:8484', api_key: KEY },
    })
    expectSoftFailure(tool, outcome, /^Sidecar URL: expected an address .* came "hippocache:8484"/)
  })

  it('says so when the key cannot be one', async () => {
    const outcome = await runTool({
      tool,
      parameters,
      credentials: { sidecar_url: stub.url, api_key: 'a\nb' },
    })
    expectSoftFailure(tool, outcome, /^API key: expected printable ASCII/)
    expect(stub.calls).toHaveLength(0)
  })

  it('gives up at its deadline', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      stub.script = silence
      const arrived = stub.nextCall()
      const running = runTool({ tool, parameters, credentials: credentials() })
      await arrived
      const writes = ['add_memory', 'cache_set', 'update_memory', 'delete_memory']
      // Waits for a language model, unless it is told not to.
      const seconds = tool === 'flush_memory' ? 60 : writes.includes(tool) ? 10 : 5
      await vi.advanceTimersByTimeAsync(seconds * 1000 - 1)
      const early = await Promise.race([running, Promise.resolve('still waiting')])
      expect(early).toBe('still waiting')
      await vi.advanceTimersByTimeAsync(1)
      expectSoftFailure(tool, await running, new RegExp(`No answer .* within ${seconds} s`))
    } finally {
      vi.useRealTimers()
    }
  })
})

it('add_memory waits longer where it waits for a language model', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    stub.script = silence
    const arrived = stub.nextCall()
    const parameters = { ...USE['add_memory'], mode: 'sync' }
    const running = runTool({ tool: 'add_memory', parameters, credentials: { sidecar_url: stub.url } })
    await arrived
    await vi.advanceTimersByTimeAsync(59_999)
    expect(await Promise.race([running, Promise.resolve('still waiting')])).toBe('still waiting')
    await vi.advanceTimersByTimeAsync(1)
    expectSoftFailure('add_memory', await running, /within 60 s/)
  } finally {
    vi.useRealTimers()
  }
})

describe('a connection that breaks once', () => {
  const flaky = () => {
    let calls = 0
    stub.script = (call, response, request) => {
      if (++calls === 1) request.socket.destroy()
      else json(200, { status: 'stored', turn_id: 't', memories: [], context: '' })(call, response, request)
    }
  }
  const credentials = () => ({ sidecar_url: stub.url })

  it('is tried again with the same idempotency key where a repetition is harmless', async () => {
    flaky()
    const { variables } = await runTool({
      tool: 'add_memory',
      parameters: USE['add_memory'] ?? {},
      credentials: credentials(),
    })
    expect(variables['status']).toBe('stored')
    const keys = stub.calls.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toHaveLength(2)
    expect(keys[0]).toBeTruthy()
    expect(keys[1]).toBe(keys[0])
  })

  it('is not tried again for a turn without a number, which could be stored twice', async () => {
    flaky()
    const { variables } = await runTool({
      tool: 'add_memory',
      parameters: { user: 'hello', user_id: 'u1' },
      credentials: credentials(),
    })
    expect(variables['status']).toBe('error')
    expect(stub.calls).toHaveLength(1)
  })

  it('is tried again once only', async () => {
    stub.script = FAILURES['a connection that breaks']?.script ?? silence
    await runTool({ tool: 'cache_get', parameters: USE['cache_get'] ?? {}, credentials: credentials() })
    expect(stub.calls).toHaveLength(2)
  })
})

it('sends another idempotency key with each call', async () => {
  stub.script = json(200, { status: 'stored' })
  const once = () =>
    runTool({ tool: 'cache_set', parameters: USE['cache_set'] ?? {}, credentials: { sidecar_url: stub.url } })
  await once()
  await once()
  const keys = new Set(stub.calls.map(({ headers }) => headers['idempotency-key']))
  expect(keys.size).toBe(2)
})

it('does not go through the proxy of the environment', async () => {
  vi.stubEnv('HTTP_PROXY', await deadUrl())
  vi.stubEnv('http_proxy', process.env['HTTP_PROXY'] ?? '')
  vi.stubEnv('NO_PROXY', '')
  vi.stubEnv('no_proxy', '')
  try {
    stub.script = json(200, { status: 'miss', value: null })
    const { variables } = await runTool({
      tool: 'cache_get',
      parameters: { key: 'k' },
      credentials: { sidecar_url: stub.url },
    })
    expect(variables['status']).toBe('miss')
  } finally {
    vi.unstubAllEnvs()
  }
})
