import { describe, expect, it, onTestFinished } from 'vitest'
import { initialCapabilities } from '../../../sidecar/adapters/openai/capabilities.ts'
import type { CompletionRequest } from '../../../sidecar/ports/language-model.ts'
import { requestOf } from '../../contract/language-model.ts'
import { openModelSubject } from '../../helpers/scripted-openai/model-subject.ts'
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
  const { subject, close } = await openModelSubject()
  onTestFinished(close)
  for (const lack of lacks) subject.server.lacks.add(lack)
  return subject
}

/** What the bodies asked for, request by request. */
const asked = ({ server }: Awaited<ReturnType<typeof open>>) =>
  server.requests.map(({ body }) => ({
    ...(body.response_format ? { format: body.response_format.type } : {}),
    ...(body.response_format?.json_schema?.strict === undefined
      ? {}
      : { strict: body.response_format.json_schema.strict }),
    ...(body.tool_choice ? { tools: body.tool_choice } : {}),
    ...('temperature' in body ? { temperature: body.temperature } : {}),
    limit: 'max_tokens' in body ? 'max_tokens' : 'max_completion_tokens',
  }))

const FULL = { format: 'json_schema', strict: true, temperature: 0, limit: 'max_tokens' }

const LADDERS: {
  name: string
  lacks: Lack[]
  request: Partial<CompletionRequest>
  steps: object[]
  without?: string[]
}[] = [
  { name: 'everything', lacks: [], request: { schema: SCHEMA }, steps: [FULL] },
  {
    name: 'no strict schemas',
    lacks: ['strict'],
    request: { schema: SCHEMA },
    steps: [FULL, { ...FULL, strict: false }],
  },
  {
    name: 'no schemas',
    lacks: ['json_schema'],
    request: { schema: SCHEMA },
    steps: [FULL, { format: 'json_object', temperature: 0, limit: 'max_tokens' }],
    without: ['schema'],
  },
  {
    name: 'no JSON mode either',
    lacks: ['json_schema', 'json_object'],
    request: { schema: SCHEMA },
    steps: [
      FULL,
      { format: 'json_object', temperature: 0, limit: 'max_tokens' },
      { temperature: 0, limit: 'max_tokens' },
    ],
    without: ['schema'],
  },
  {
    name: 'no temperature and the new name of the limit',
    lacks: ['max_tokens', 'temperature'],
    request: {},
    steps: [
      { temperature: 0, limit: 'max_tokens' },
      { temperature: 0, limit: 'max_completion_tokens' },
      { limit: 'max_completion_tokens' },
    ],
  },
  {
    name: 'no functions that must be called',
    lacks: ['required_tools'],
    request: { tools: TOOLS },
    steps: [
      { tools: 'required', temperature: 0, limit: 'max_tokens' },
      { tools: 'auto', temperature: 0, limit: 'max_tokens' },
    ],
  },
  {
    name: 'no functions',
    lacks: ['tools'],
    request: { tools: TOOLS },
    steps: [
      { tools: 'required', temperature: 0, limit: 'max_tokens' },
      { format: 'json_object', temperature: 0, limit: 'max_tokens' },
    ],
    without: ['tools'],
  },
  {
    name: 'nothing, without a word on what it minds',
    lacks: ['anything_but_text'],
    request: { schema: SCHEMA, tools: TOOLS },
    steps: [
      { ...FULL, tools: 'required' },
      { format: 'json_object', tools: 'required', temperature: 0, limit: 'max_tokens' },
      { tools: 'required', temperature: 0, limit: 'max_tokens' },
      { temperature: 0, limit: 'max_tokens' },
    ],
    without: ['schema', 'tools'],
  },
]

describe('the OpenAI language model learns of an endpoint that it has', () => {
  it.each(LADDERS)('$name, step by step and once', async ({ lacks, request, steps, without }) => {
    const subject = await open(...lacks)
    const completion = await subject.model.complete(requestOf(request))
    expect(completion.text).toBe('ok')
    expect(completion.without).toEqual(without)
    expect(asked(subject)).toEqual(steps)
    await subject.model.complete(requestOf(request))
    expect(asked(subject).slice(steps.length)).toEqual(steps.slice(-1))
    expect(subject.ledger.map(({ retries }) => retries)).toEqual([...steps.keys(), 0])
  })

  it('only the new limit where it is OpenAI itself', () => {
    expect([initialCapabilities(true).limit, initialCapabilities(false).limit]).toEqual([
      'max_completion_tokens',
      'max_tokens',
    ])
  })
})

describe('the OpenAI language model', () => {
  it('asks a model that spent all tokens on reasoning again with room for it, and then always', async () => {
    const { model, server, ledger } = await open()
    const cut = { content: '<think>well, let me', finish: 'length' }
    server.rules.replace({ answer: ({ body }) => (body.max_tokens > 1000 ? '<think>well</think>yes' : cut) })
    expect(await model.complete(requestOf())).toMatchObject({ text: 'yes', finish: 'stop' })
    await model.complete(requestOf())
    expect(server.requests.map(({ body }) => body.max_tokens)).toEqual([100, 4196, 4196])
    expect(ledger.map(({ retries }) => retries)).toEqual([0, 1, 0])
  })

  it.each([
    ['its count of reasoning tokens', { usage: { completion_tokens_details: { reasoning_tokens: 90 } } }],
    [
      'a field of thoughts',
      { choices: [{ message: { content: '', reasoning_content: 'hm' }, finish_reason: 'length' }] },
    ],
  ])('knows such a model by %s', async (_, answer) => {
    const { model, server } = await open()
    const choices = [{ message: { content: '' }, finish_reason: 'length' }]
    server.rules.replace({ body: { choices, ...answer } })
    expect(await model.complete(requestOf())).toMatchObject({ text: '', finish: 'length' })
    expect(server.requests.map(({ body }) => body.max_tokens)).toEqual([100, 4196])
  })

  it('keeps what it learnt to the model that it learnt it of', async () => {
    const { subject, close } = await openModelSubject({ models: { reconcile: 'other' } } as object)
    onTestFinished(close)
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

  it('learns nothing of a refusal that had another cause', async () => {
    const subject = await open()
    subject.server.rules.replace({ times: 3, status: 400, body: { detail: 'Bad Request' } }, { answer: 'ok' })
    await expect(subject.model.complete(requestOf({ schema: SCHEMA }))).rejects.toMatchObject({ status: 400 })
    await subject.model.complete(requestOf({ schema: SCHEMA }))
    expect(asked(subject).at(-1)).toEqual(FULL)
  })

  it('does not do without anything when the prompt is too long or the model unknown', async () => {
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

  it('answers a prompt that a content filter refused as refused', async () => {
    const { model, server } = await open()
    server.rules.replace({ status: 400, body: { error: { code: 'content_filter', message: 'filtered' } } })
    expect(await model.complete(requestOf({ schema: SCHEMA }))).toMatchObject({ finish: 'refused', text: '' })
    expect(server.requests).toHaveLength(1)
  })

  it('is strict only with schemas that can be, and sends no dialect', async () => {
    const { model, server } = await open()
    const optional = { ...SCHEMA.schema, required: [] }
    for (const schema of [SCHEMA.schema, optional, { ...SCHEMA.schema, additionalProperties: true }]) {
      await model.complete(requestOf({ schema: { name: 'facts', schema } }))
    }
    const sent = server.requests.map(({ body }) => body.response_format.json_schema)
    expect(sent.map(({ strict }) => strict)).toEqual([true, false, false])
    expect(sent[0].schema).not.toHaveProperty('$schema')
  })

  it('says the schema in words where only the prompt can, unless the prompt speaks of JSON', async () => {
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

  it('says the functions in words where there are none, in the one system message', async () => {
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
