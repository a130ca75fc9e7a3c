import { describe, expect, it } from 'vitest'
import { initialCapabilities } from '../../../sidecar/adapters/openai/chat/capabilities.ts'
import type { CompletionRequest } from '../../../sidecar/ports/language-model.ts'
import { requestOf } from '../../contract/language-model.ts'
import { type OpenAiSubject, useModel } from '../../helpers/scripted-openai/model-subject.ts'
import type { Lack } from '../../helpers/scripted-openai/server.ts'

const SCHEMA = {
  name: 'facts',
  schema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { facts: { type: 'array', items: { type: 'string' } } },
    required: ['facts'],
    additionalProperties: false,
  },
}
const TOOLS = [
  { name: 'apply', description: 'Applies.', parameters: { type: 'object', properties: { id: {} } } },
]

async function open(...lacks: Lack[]) {
  const subject = await useModel()
  for (const lack of lacks) subject.server.lacks.add(lack)
  return subject
}

/** The optional features that each request used. */
const asked = ({ server }: OpenAiSubject) =>
  server.requests.map(({ body }) => ({
    ...(body.response_format ? { format: body.response_format.type } : {}),
    ...(body.response_format?.json_schema?.strict === undefined
      ? {}
      : { strict: body.response_format.json_schema.strict }),
    ...(body.tool_choice ? { tools: body.tool_choice } : {}),
    ...('temperature' in body ? { temperature: body.temperature } : {}),
    ...(body.stream ? { stream: body.stream_options ? 'usage' : 'plain' } : {}),
    ...('enable_thinking' in body ? { thinking: body.enable_thinking } : {}),
    limit: 'max_tokens' in body ? 'max_tokens' : 'max_completion_tokens',
  }))

const PLAIN = { temperature: 0, limit: 'max_tokens' }
const JSON_MODE = { ...PLAIN, format: 'json_object' }
const FULL = { ...PLAIN, format: 'json_schema', strict: true }
const REQUIRED = { ...PLAIN, tools: 'required' }

/** For each set of features that an endpoint lacks: the requests until one succeeds. */
const LADDERS: [
  lacks: Lack[],
  request: Partial<CompletionRequest>,
  steps: object[],
  without?: readonly string[],
][] = [
  [[], { schema: SCHEMA }, [FULL]],
  [['strict'], { schema: SCHEMA }, [FULL, { ...FULL, strict: false }]],
  [['json_schema'], { schema: SCHEMA }, [FULL, JSON_MODE], ['schema']],
  [['json_schema', 'json_object'], { schema: SCHEMA }, [FULL, JSON_MODE, PLAIN], ['schema']],
  [
    ['max_tokens', 'temperature'],
    {},
    [PLAIN, { ...PLAIN, limit: 'max_completion_tokens' }, { limit: 'max_completion_tokens' }],
  ],
  [['required_tools'], { tools: TOOLS }, [REQUIRED, { ...PLAIN, tools: 'auto' }]],
  [['tools'], { tools: TOOLS }, [REQUIRED, JSON_MODE], ['tools']],
  [['unstreamed'], { schema: SCHEMA }, [FULL, { ...FULL, stream: 'usage' }]],
  [
    ['unstreamed', 'stream_options'],
    {},
    [PLAIN, { ...PLAIN, stream: 'usage' }, { ...PLAIN, stream: 'plain' }],
  ],
  [['thinking'], {}, [PLAIN, { ...PLAIN, thinking: false }]],
  [['thinking', 'no_thinking'], {}, [PLAIN, { ...PLAIN, thinking: false }, { ...PLAIN, stream: 'usage' }]],
  [
    ['thinking', 'json_schema'],
    { schema: SCHEMA },
    [FULL, { ...FULL, thinking: false }, { ...JSON_MODE, thinking: false }],
    ['schema'],
  ],
  [
    ['anything_but_text'],
    { schema: SCHEMA, tools: TOOLS },
    [{ ...FULL, tools: 'required' }, { ...JSON_MODE, tools: 'required' }, REQUIRED, PLAIN],
    ['schema', 'tools'],
  ],
]

describe('the OpenAI language model', () => {
  it.for(LADDERS)('drops what an endpoint lacks one by one, and only once: %j', async (ladder) => {
    const [lacks, request, steps, without] = ladder
    const subject = await open(...lacks)
    const completion = await subject.model.complete(requestOf(request))
    expect(completion.text).toBe('ok')
    expect(completion.without).toEqual(without)
    expect(asked(subject)).toEqual(steps)
    await subject.model.complete(requestOf(request))
    expect(asked(subject).slice(steps.length)).toEqual(steps.slice(-1))
    expect(subject.ledger.map(({ retries }) => retries)).toEqual([...steps.keys(), 0])
  })

  it('starts with max_completion_tokens only for OpenAI itself', () => {
    expect([initialCapabilities(true).limit, initialCapabilities(false).limit]).toEqual([
      'max_completion_tokens',
      'max_tokens',
    ])
  })

  it('raises the token limit of a model that spent all tokens on reasoning, and keeps it', async () => {
    const { model, server, ledger } = await open()
    const cut = { content: '<think>well, let me', finish: 'length' }
    server.rules.replace({ answer: ({ body }) => (body.max_tokens > 1000 ? '<think>well</think>yes' : cut) })
    expect(await model.complete(requestOf())).toMatchObject({ text: 'yes', finish: 'stop' })
    await model.complete(requestOf())
    expect(server.requests.map(({ body }) => body.max_tokens)).toEqual([100, 4196, 4196])
    expect(ledger.map(({ retries }) => retries)).toEqual([0, 1, 0])
  })

  it.each([
    ['the count of reasoning tokens', { usage: { completion_tokens_details: { reasoning_tokens: 90 } } }],
    [
      'a reasoning field',
      { choices: [{ message: { content: '', reasoning_content: 'hm' }, finish_reason: 'length' }] },
    ],
  ])('detects a reasoning model by %s', async (_, answer) => {
    const { model, server } = await open()
    const choices = [{ message: { content: '' }, finish_reason: 'length' }]
    server.rules.replace({ body: { choices, ...answer } })
    expect(await model.complete(requestOf())).toMatchObject({ text: '', finish: 'length' })
    expect(server.requests.map(({ body }) => body.max_tokens)).toEqual([100, 4196])
  })

  it('reads streamed text, calls, finish and usage as an answer in one piece', async () => {
    const { model, server, ledger } = await open('unstreamed')
    const calls = [
      { name: 'apply', arguments: { id: 'Größe 😀' } },
      { name: 'apply', arguments: { id: 2 } },
    ]
    server.rules.replace({ answer: { content: '<think>well</think>{"name":"José 😀"}', calls } })
    const read = await model.complete(requestOf({ tools: TOOLS }))
    expect(read).toMatchObject({
      text: '{"name":"José 😀"}',
      finish: 'stop',
      calls: calls.map((call) => ({ name: call.name, arguments: JSON.stringify(call.arguments) })),
    })
    expect(ledger.at(-1)?.tokensOut).toBeGreaterThan(0)
    server.rules.replace({ answer: { content: 'half', finish: 'length' } })
    expect(await model.complete(requestOf())).toMatchObject({ text: 'half', finish: 'length' })
  })

  it.each([
    'This model only support stream mode, please enable the stream parameter to access the model.',
    'Only streaming responses are supported for this model.',
    '"stream" must be true',
    'The model does not support non-stream output',
    'non-streaming calls are not allowed',
    '该模型仅支持流式输出',
  ])('streams after the refusal %j', async (message) => {
    const { model, server } = await open()
    server.rules.replace({ times: 1, status: 400, body: { error: { message } } }, { answer: 'yes' })
    expect((await model.complete(requestOf())).text).toBe('yes')
    expect(server.requests.map(({ body }) => body.stream)).toEqual([undefined, true])
  })

  it('does not stream because a refusal lists the parameter', async () => {
    const { model, server } = await open()
    const message = 'Unknown parameter: response_format. Allowed: model, messages, stream, tools'
    server.rules.replace({ times: 1, status: 400, body: { error: { message } } }, { answer: 'yes' })
    await model.complete(requestOf({ schema: SCHEMA }))
    expect(server.requests.map(({ body }) => body.stream)).toEqual([undefined, undefined])
  })

  it('reads a stream that it did not ask for', async () => {
    const { model, server } = await open()
    server.rules.replace({
      body: 'data:{"choices":[{"index":0,"delta":{"content":"yes"}}]}\r\n\r\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n',
    })
    expect(await model.complete(requestOf())).toMatchObject({ text: 'yes', finish: 'stop' })
    expect(server.requests).toHaveLength(1)
  })

  it.each([
    ['that fails', 'data: {"error":{"message":"overloaded","code":503}}\n\n', 'server_error'],
    ['that ends too early', 'data: {"choices":[{"index":0,"delta":{"content":"ye"}}]}\n\n', 'bad_answer'],
    ['that is cut within an event', 'data: {"choices":[{"ind', 'bad_answer'],
    ['without an event', 'data: [DONE]\n\n', 'bad_answer'],
  ])('rejects a stream %s', async (_, body, reason) => {
    const { model, server } = await open()
    server.rules.replace({ body })
    await expect(model.complete(requestOf())).rejects.toMatchObject({ name: 'ModelUnavailable', reason })
  })

  it('applies what it learned only to the same model', async () => {
    const subject = await useModel({ models: { reconcile: 'other' } })
    subject.server.lacks.add('temperature')
    await subject.model.complete(requestOf())
    subject.server.lacks.clear()
    await subject.model.complete(requestOf({ purpose: 'reconcile' }))
    expect(subject.server.requests.map(({ body }) => [body.model, body.temperature])).toEqual([
      ['scripted', 0],
      ['scripted', undefined],
      ['other', 0],
    ])
  })

  it('learns nothing from a rejection that had another cause', async () => {
    const subject = await open()
    subject.server.rules.replace({ times: 3, status: 400, body: { detail: 'Bad Request' } }, { answer: 'ok' })
    await expect(subject.model.complete(requestOf({ schema: SCHEMA }))).rejects.toMatchObject({ status: 400 })
    await subject.model.complete(requestOf({ schema: SCHEMA }))
    expect(asked(subject).at(-1)).toEqual(FULL)
  })

  it('drops no feature when the prompt is too long or the model unknown', async () => {
    const subject = await open()
    for (const [status, message] of [
      [400, "'max_tokens' is too large: 500. This model's maximum context length is 4096 tokens"],
      [404, 'model "json_schema-tools" not found'],
    ] as const) {
      subject.server.rules.replace({ status, body: { error: { message } } })
      const before = subject.server.requests.length
      await expect(subject.model.complete(requestOf({ schema: SCHEMA, tools: TOOLS }))).rejects.toThrow()
      expect(subject.server.requests).toHaveLength(before + 1)
    }
  })

  it('returns finish refused for a prompt that a content filter rejected', async () => {
    const { model, server } = await open()
    server.rules.replace({ status: 400, body: { error: { code: 'content_filter', message: 'filtered' } } })
    expect(await model.complete(requestOf({ schema: SCHEMA }))).toMatchObject({ finish: 'refused', text: '' })
    expect(server.requests).toHaveLength(1)
  })

  it('sets strict only for closed schemas, and sends no $schema', async () => {
    const { model, server } = await open()
    const optional = { ...SCHEMA.schema, required: [] }
    for (const schema of [SCHEMA.schema, optional, { ...SCHEMA.schema, additionalProperties: true }]) {
      await model.complete(requestOf({ schema: { name: 'facts', schema } }))
    }
    const sent = server.requests.map(({ body }) => body.response_format.json_schema)
    expect(sent.map(({ strict }) => strict)).toEqual([true, false, false])
    expect(sent[0].schema).not.toHaveProperty('$schema')
  })

  it('describes the schema in the prompt when it cannot be sent, unless the prompt mentions JSON', async () => {
    const { model, server } = await open('json_schema')
    await model.complete(requestOf({ schema: SCHEMA, messages: [{ role: 'user', content: 'list facts' }] }))
    expect(server.requests.at(-1)?.body.messages).toEqual([
      { role: 'system', content: expect.stringMatching(/JSON Schema[\s\S]*"facts"/) },
      { role: 'user', content: 'list facts' },
    ])
    const { messages } = requestOf()
    await model.complete(requestOf({ schema: SCHEMA }))
    expect(server.requests.at(-1)?.body.messages).toEqual(messages)
  })

  it('describes functions in the one system message when they cannot be sent', async () => {
    const { model, server } = await open('tools')
    server.rules.replace({ answer: '{"calls":[{"name":"apply","arguments":{"id":1}}]}' })
    const completion = await model.complete(requestOf({ tools: TOOLS }))
    expect(completion).toMatchObject({
      calls: [],
      without: ['tools'],
      text: expect.stringContaining('apply'),
    })
    const [system, user, ...more] = server.requests.at(-1)?.body.messages ?? []
    expect(system.content).toMatch(/^Answer in JSON\.[\s\S]*"calls"[\s\S]*"apply"/)
    expect([user.role, more]).toEqual(['user', []])
  })
})
