import { describe, expect, it } from 'vitest'
import { createMemoryPair, type ToolContext, textMessage } from '../../../plugin-sdk/index.ts'
import { createFakeDify, llmChunk } from '../../helpers/plugin-sdk/fake-daemon/fake-dify.ts'
import { invokeTool } from '../../helpers/plugin-sdk/fake-daemon/requests.ts'
import { createManualTimers, loadFixture, until } from '../../helpers/plugin-sdk/helpers.ts'

const MODEL = { provider: 'langgenius/openai/openai', model: 'gpt-4o-mini', mode: 'chat' }

/** Runs `use` as the tool of a session, whose calls a fake Dify answers. */
async function inSession<T>(use: (context: ToolContext) => Promise<T>, dify = createFakeDify()): Promise<T> {
  const { transport, daemon } = createMemoryPair({ answerInvocation: dify.answer })
  let result: { value: T } | { error: unknown } | undefined
  const fixture = await loadFixture({
    tools: {
      ...{ echo: async function* () {}, produce: async function* () {}, fail: async function* () {} },
      async *wait(_: object, context: ToolContext) {
        result = await use(context).then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        )
        yield textMessage('done')
      },
    },
  })
  const served = fixture.serve(transport)
  await Promise.resolve()
  const request = invokeTool('wait', {})
  daemon.send(request)
  await daemon.session(request.session_id)
  daemon.end()
  await served
  if (!result) throw new Error('the tool did not run')
  if ('error' in result) throw result.error
  return result.value
}

describe('models', () => {
  it('sends the selection, the parameters and the messages in the form that the daemon accepts', async () => {
    const dify = createFakeDify()
    await inSession(
      ({ models }) =>
        models.llm({
          model: { ...MODEL, completion_params: { temperature: 1, top_p: 0.5 } },
          messages: [
            { role: 'system', content: 's' },
            { role: 'user', content: 'u' },
            { role: 'assistant', content: 'a' },
          ],
          tools: [{ name: 'f', description: 'd', parameters: { type: 'object' } }],
          completion_params: { temperature: 0, max_tokens: 10 },
        }),
      dify,
    )
    expect(dify.calls).toEqual([
      {
        type: 'llm',
        backwards_request_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        request: {
          ...MODEL,
          model_type: 'llm',
          completion_params: { temperature: 0, top_p: 0.5, max_tokens: 10 },
          prompt_messages: [
            { role: 'system', content: 's' },
            { role: 'user', content: 'u' },
            { role: 'assistant', content: 'a', tool_calls: [] },
          ],
          tools: [{ name: 'f', description: 'd', parameters: { type: 'object' } }],
          stop: null,
          stream: false,
        },
      },
    ])
  })

  it('returns text, function calls and usage', async () => {
    const dify = createFakeDify()
    const f = { name: 'f', arguments: '{"a":1}' }
    dify.llm = () => ({
      data: llmChunk([{ type: 'text', data: 'hi' }], {
        tool_calls: [{ id: '1', type: 'function', function: f }],
      }),
    })
    expect(await inSession(({ models }) => models.llm({ model: MODEL, messages: [] }), dify)).toEqual({
      text: 'hi',
      tool_calls: [f],
      finish_reason: 'stop',
      model: 'gpt-4o-mini',
      usage: expect.objectContaining({ prompt_tokens: 9, completion_tokens: 3 }),
    })
  })

  it('returns one embedding per text', async () => {
    const embed = { model: MODEL, texts: ['a', 'b'], input_type: 'query' as const }
    const { embeddings, usage } = await inSession(({ models }) => models.embed(embed))
    expect([embeddings, usage]).toEqual([
      [
        [1, 0],
        [1, 0],
      ],
      { prompt_tokens: 4 },
    ])
  })

  it("rejects with Dify's message, also for a missing permission", async () => {
    const dify = createFakeDify()
    dify.permissions.llm = false
    const call = inSession(({ models }) => models.llm({ model: MODEL, messages: [] }), dify)
    await expect(call).rejects.toThrow(/permission denied, you need to enable llm access/)
  })

  it('rejects an answer of another shape, naming the field', async () => {
    const dify = createFakeDify()
    dify.llm = () => ({ data: { delta: 1 } })
    const call = inSession(({ models }) => models.llm({ model: MODEL, messages: [] }), dify)
    await expect(call).rejects.toThrow('llm: expected another answer of Dify (delta)')
  })

  it('rejects calls after the session has ended', async () => {
    const { models } = await inSession(async (context) => context)
    await new Promise(setImmediate)
    await expect(models.llm({ model: MODEL, messages: [] })).rejects.toThrow('The session has ended')
  })
})

describe('storage', () => {
  it('stores, reads and deletes bytes under hashed keys', async () => {
    const dify = createFakeDify()
    await inSession(async ({ storage }) => {
      expect(await storage.get('a/b')).toBeUndefined()
      await storage.set('a/b', Buffer.from('ünï'))
      expect(Buffer.from((await storage.get('a/b')) ?? []).toString()).toBe('ünï')
      await storage.delete('a/b')
      await storage.delete('a/b')
      expect(await storage.get('a/b')).toBeUndefined()
    }, dify)
    expect(
      dify.calls.every(({ request }) => 'key' in request && /^[0-9a-f]{64}$/.test(String(request.key))),
    ).toBe(true)
  })

  it('rejects a value that is too large for one line or for the storage', async () => {
    const dify = createFakeDify()
    dify.maxStorageBytes = 4
    await inSession(async ({ storage }) => {
      await expect(storage.set('k', new Uint8Array(5))).rejects.toThrow(/allocated size is greater/)
      await expect(storage.set('k', new Uint8Array(2_400_001))).rejects.toThrow(
        'expected a value of at most 2400000 bytes, got 2400001',
      )
    }, dify)
  })
})

it('a call that Dify never answers ends after 250 seconds', async () => {
  const timers = createManualTimers()
  const { transport, daemon } = createMemoryPair()
  let error: unknown
  const none = async function* () {}
  const plugin = await loadFixture({
    timers,
    tools: {
      ...{ echo: none, produce: none, fail: none },
      async *wait(_: object, { models }: ToolContext) {
        await models.llm({ model: MODEL, messages: [] }).catch((caught: unknown) => {
          error = caught
        })
        yield textMessage('done')
      },
    },
  })
  const served = plugin.serve(transport)
  await Promise.resolve()
  const request = invokeTool('wait', {})
  daemon.send(request)
  await until(() => daemon.frames.length > 0)
  await new Promise(setImmediate)
  timers.advance(250_000)
  await daemon.session(request.session_id)
  expect(String(error)).toContain('Dify did not answer a call (llm) within 250 s')
  daemon.end()
  await served
})
