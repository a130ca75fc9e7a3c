import { describe, expect, it } from 'vitest'
import {
  ConfigurationError,
  createMemoryPair,
  type Frame,
  Tool,
  type ToolContext,
} from '../../../plugin-sdk/index.ts'
import {
  fetchOptions,
  invokeTool,
  request,
  validateCredentials,
} from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { createSessionRouter } from '../../helpers/plugin-sdk/fake-daemon/session-router.ts'
import { nodeOutput } from '../../helpers/plugin-sdk/fake-daemon/tool-output.ts'
import type { FixtureProvider } from '../../helpers/plugin-sdk/fixture-plugin/provider.ts'
import { EchoTool, fail, produce, wait } from '../../helpers/plugin-sdk/fixture-plugin/tools.ts'
import { loadFixture } from '../../helpers/plugin-sdk/helpers.ts'

async function ask(message: ReturnType<typeof request>, options = {}) {
  const plugin = await loadFixture(options)
  const { transport, daemon } = createMemoryPair()
  const served = plugin.serve(transport)
  const router = createSessionRouter()
  const { action } = message['data'] as { action: string }
  const result = router.open(message.session_id, { tool: action === 'invoke_tool' })
  daemon.send(message)
  const frames: Frame[] = await daemon.session(message.session_id)
  daemon.end()
  await served
  for (const frame of frames) router.take(JSON.stringify(frame))
  expect(router.problems).toEqual([])
  return await result
}

describe('plugin', () => {
  it('passes session, user and parameters with defaults to a tool', async () => {
    const ids = { conversation_id: 'c', app_id: 'a', message_id: 'm' }
    const message = { ...invokeTool('echo', { text: 'hi' }), ...ids }
    const result = await ask(message)
    expect(result).toMatchObject({ error: null, frames: ['stream', 'stream', 'stream', 'end'] })
    expect(nodeOutput(result)).toMatchObject({
      text: '0:hi',
      variables: { said: 'hi' },
      json: [
        {
          session: { session_id: message.session_id, ...ids },
          user: 'u-7',
          parameters: { text: 'hi', times: 1 },
        },
      ],
    })
  })

  it('treats null maps as empty', async () => {
    expect(await ask(invokeTool('wait', null, { credentials: null }))).toMatchObject({ error: null })
    expect((await ask(invokeTool('echo', null))).error?.message).toBe(
      'Parameter text is required, got nothing',
    )
    expect((await ask(validateCredentials(null))).error).toMatchObject({
      error_type: 'ToolProviderCredentialValidationError',
    })
  })

  it('runs a tool with lenientParameters although a required one is missing', async () => {
    class Lenient extends EchoTool {
      static override readonly lenientParameters = true
      override async *invoke(parameters: Record<string, unknown>) {
        yield this.createJsonMessage(parameters)
      }
    }
    const tools = { echo: Lenient, produce, fail, wait }
    const result = await ask(invokeTool('echo', { times: 'often' }), { tools })
    expect(result.error).toBeNull()
    expect(nodeOutput(result).json).toEqual([{ times: 'often' }])
    expect((await ask(invokeTool('echo', { times: 'often' }))).error?.message).toMatch(/^Parameter /)
  })

  it('validates credentials', async () => {
    expect(await ask(validateCredentials({ api_key: 'right' }))).toMatchObject({
      chunks: [{ result: true }],
      error: null,
    })
    expect((await ask(validateCredentials({ api_key: 'wrong-one' }))).error).toEqual({
      error_type: 'ToolProviderCredentialValidationError',
      message: 'The key *** is not right',
      args: {},
    })
  })

  it('returns the options of a dynamic select, or an error for a tool without options', async () => {
    expect((await ask(fetchOptions('echo', 'voice'))).chunks).toEqual([
      { options: [{ value: 'low', label: { en_US: 'Low voice' }, icon: null }] },
    ])
    expect((await ask(fetchOptions('wait', 'voice'))).error?.message).toMatch(/wait has no options/)
  })

  it('rejects options that Dify would reject', async () => {
    class BadOptions extends EchoTool {
      override async fetchParameterOptions() {
        return [{ value: 7 as unknown as string, label: 'seven' }]
      }
    }
    const result = await ask(fetchOptions('echo', 'voice'), {
      tools: { echo: BadOptions, produce, fail, wait },
    })
    expect(result.error).toMatchObject({
      error_type: 'InvalidMessageError',
      message: expect.stringContaining('got value 7'),
    })
  })

  it('returns the runtime parameters of a tool', async () => {
    const ofTool = (tool: string) =>
      request({
        type: 'tool',
        action: 'get_tool_runtime_parameters',
        provider: 'fixture',
        tool,
        credentials: {},
      })
    class Runtime extends EchoTool {
      override async getRuntimeParameters() {
        return []
      }
    }
    const tools = { echo: Runtime, produce, fail, wait }
    expect((await ask(ofTool('echo'), { tools })).chunks).toEqual([{ parameters: [] }])
    expect((await ask(ofTool('wait'))).error?.message).toMatch(/wait has no runtime parameters/)
  })

  it.each([
    ['tool', { tool: 'nope' }, /data\.tool: expected one of echo, produce, fail, wait, got "nope"/],
    ['provider', { provider: 'acme/fixture/fixture' }, /data\.provider: expected one of fixture, got "acme/],
    ['missing tool', { tool: undefined }, /data\.tool: expected string, received undefined/],
    ['parameters of a wrong shape', { tool_parameters: [] }, /data\.tool_parameters: expected record/],
  ])('answers an unknown %s', async (_name, more, message) => {
    const { error, frames } = await ask(invokeTool('echo', { text: 'x' }, more))
    expect(error).toMatchObject({
      error_type: 'InvalidRequestError',
      message: expect.stringMatching(message),
    })
    expect(frames).toEqual(['error', 'end'])
  })

  it.each([
    ['error', { error_type: 'Error', message: 'store is locked, key ***' }],
    ['string', { error_type: 'UnknownError', message: 'The tool threw "just a string", not an Error' }],
    ['many-args', { error_type: 'PluginError', message: 'too many' }],
    ['reserved', { error_type: 'InvalidMessageError' }],
    ['garbage', { error_type: 'InvalidMessageError' }],
    ['bigint', { error_type: 'InvalidMessageError', message: expect.stringContaining('BigInt') }],
  ])('sends the chunks and then an error when a tool fails by %s', async (how, error) => {
    const result = await ask(invokeTool('fail', { how }))
    expect(result.frames).toEqual(['stream', 'error', 'end'])
    expect(result.error).toMatchObject(error)
  })

  it('creates a new object for every call', async () => {
    const seen: [object, ToolContext][] = []
    class Remember extends Tool {
      async *invoke(_parameters: Record<string, unknown>, context: ToolContext) {
        seen.push([this, context])
        yield this.createTextMessage(String(this.runtime.credentials['api_key']))
      }
    }
    const plugin = await loadFixture({ tools: { echo: Remember, produce, fail, wait } })
    const { transport, daemon } = createMemoryPair()
    const served = plugin.serve(transport)
    for (const api_key of ['one', 'two']) {
      const message = invokeTool('echo', { text: 'x' }, { credentials: { api_key } })
      daemon.send(message)
      await daemon.session(message.session_id)
    }
    daemon.end()
    await served
    expect(seen).toHaveLength(2)
    expect(seen[0]?.[0]).not.toBe(seen[1]?.[0])
    expect(seen.map(([, context]) => context.runtime.credentials['api_key'])).toEqual(['one', 'two'])
  })

  it('lists every tool without code and all code without a tool', async () => {
    class NotATool {}
    const load = loadFixture({
      tools: { echo: EchoTool, produce, fail: NotATool as never, surplus: wait },
      provider: class {} as typeof FixtureProvider,
    })
    await expect(load).rejects.toThrow(ConfigurationError)
    await expect(load).rejects.toThrow(
      [
        "The plugin's code and declarations do not match:",
        'tool fail: expected a class that extends Tool, got class NotATool',
        'tool wait: expected code for the declared tool, got nothing',
        "tool surplus: expected a declaration in the provider's tools, got nothing",
        'provider: expected a class that extends ToolProvider, got a function',
      ].join('\n  '),
    )
  })

  it('reports an invoke method that is no generator', async () => {
    const tools = { echo: (async () => 'x') as never, produce, fail, wait }
    const { error } = await ask(invokeTool('echo', { text: 'x' }), { tools })
    expect(error?.message).toMatch(/expected invoke to be an async generator/)
  })

  it('rejects when its transport fails, and closes it', async () => {
    const plugin = await loadFixture()
    const { transport } = createMemoryPair()
    const closed = new Promise<void>((resolve) => {
      const close = transport.close
      transport.close = async () => {
        await close()
        resolve()
      }
    })
    const served = plugin.serve(transport)
    transport.onEnd?.(new Error('the wire burnt'))
    await expect(served).rejects.toThrow('the wire burnt')
    await closed
  })
})
