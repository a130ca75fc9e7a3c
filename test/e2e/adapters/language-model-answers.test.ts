import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { completionOf, withoutReasoning } from '../../../sidecar/adapters/openai/completion.ts'
import { openAiLanguageModel } from '../../../sidecar/adapters/openai/language-model.ts'
import type { LedgerEntry } from '../../../sidecar/ports/ledger.ts'
import { requestOf } from '../../contract/language-model.ts'
import { startScriptedOpenAi } from '../../helpers/scripted-openai/server.ts'

const read = (body: unknown) => completionOf(body, 'm', (came) => new Error(came))
const saying = (message: object, more: object = {}) => ({
  choices: [{ message, finish_reason: 'stop', ...more }],
})

describe('the reasoning of a model', () => {
  it.each([
    ['<think>hm, 1 < 2</think>\n\n{"a":1}', '{"a":1}'],
    ['\n<think>\nhm\n</think>yes', 'yes'],
    ['<thinking>hm</thinking> yes', 'yes'],
    ['hm, so it is yes\n</think>\n\nyes', 'yes'],
    ['<think>hm and then cut o', ''],
    ['<think></think>', ''],
    ['{"text":"he wrote </think>"}', '{"text":"he wrote </think>"}'],
    ['Use <think> and </think> tags.', 'Use <think> and </think> tags.'],
  ])('is left out: %j', (text, rest) => {
    expect(withoutReasoning(text)).toBe(rest)
  })

  it('is nothing in a text without its tags, and gone whatever it is', () => {
    const untagged = fc.string({ unit: 'binary' }).filter((text) => !/<\/?think/i.test(text))
    fc.assert(fc.property(untagged, (text) => withoutReasoning(text) === text))
    fc.assert(
      fc.property(untagged, untagged, (thought, text) => {
        expect(withoutReasoning(`<think>${thought}</think>${text}`)).toBe(text.trimStart())
      }),
    )
  })

  it('is not read from its own field', () => {
    expect(read(saying({ content: 'yes', reasoning_content: 'hm', reasoning: 'hm' })).text).toBe('yes')
  })
})

describe('an answer', () => {
  it.each([
    [
      'content in parts',
      {
        content: [
          { type: 'thinking', thinking: [] },
          { type: 'text', text: 'yes' },
        ],
      },
      { text: 'yes' },
    ],
    ['no content', { content: null }, { text: '', finish: 'stop' }],
    ['a refusal', { content: null, refusal: 'I cannot' }, { finish: 'refused' }],
    [
      'arguments that are no text',
      { tool_calls: [{ function: { name: 'f', arguments: { id: 1 } } }, { function: { name: 'g' } }] },
      {
        calls: [
          { name: 'f', arguments: '{"id":1}' },
          { name: 'g', arguments: '{}' },
        ],
      },
    ],
    ['calls that are none', { tool_calls: [null, 1, {}, { function: { arguments: '' } }] }, { calls: [] }],
  ])('may have %s', (_, message, expected) => {
    expect(read(saying(message))).toMatchObject(expected)
  })

  it.each([
    ['stop', 'stop'],
    ['tool_calls', 'stop'],
    ['length', 'length'],
    ['content_filter', 'refused'],
    ['something new', 'other'],
    [null, 'other'],
  ])('that ends with %j ended with %s', (finish_reason, finish) => {
    expect(read(saying({ content: '' }, { finish_reason })).finish).toBe(finish)
  })

  it('is read or complained about, whatever it is', () => {
    const message = fc.record(
      { content: fc.anything(), tool_calls: fc.anything(), refusal: fc.anything() },
      { requiredKeys: [] },
    )
    const body = fc.oneof(
      fc.anything(),
      fc.record({ choices: fc.anything() }),
      fc.record({
        choices: fc.array(
          fc.record({ message: fc.oneof(message, fc.anything()), finish_reason: fc.anything() }),
        ),
      }),
    )
    fc.assert(
      fc.property(body, (one) => {
        try {
          const { text, calls } = read(one)
          expect(typeof text).toBe('string')
          for (const call of calls)
            expect([typeof call.name, typeof call.arguments]).toEqual(['string', 'string'])
        } catch (error) {
          expect((error as Error).message).toMatch(/^(nothing|no choices|text that|JSON that)/)
        }
      }),
    )
  })
})

describe('the OpenAI language model reaches', () => {
  const open = async (options: object) => {
    const server = await startScriptedOpenAi({ apiKey: 'sk-right', usage: 'o200k' })
    onTestFinished(() => server[Symbol.asyncDispose]())
    const ledger: LedgerEntry[] = []
    const model = openAiLanguageModel({
      baseUrl: server.url,
      model: 'some model',
      record: (entry) => ledger.push(entry),
      ...options,
    })
    return { server, model, ledger }
  }

  it('a server with a bearer key, and one with the key in api-key', async () => {
    for (const keyHeader of ['authorization', 'api-key'] as const) {
      const { model, server } = await open({ apiKey: 'sk-right', keyHeader })
      expect((await model.complete(requestOf())).text).toBe('ok')
      expect(JSON.stringify(server.requests)).not.toContain('sk-right')
    }
  })

  it('a server without a key by sending none', async () => {
    const { model } = await open({})
    const failure = await model.complete(requestOf()).catch((error: unknown) => error)
    expect(failure).toMatchObject({ reason: 'refused_key', status: 401 })
  })

  it('a deployment of Azure by its address, key header and version', async () => {
    const { server } = await open({})
    const model = openAiLanguageModel({
      baseUrl: `${server.url.replace('/v1', '')}/openai/deployments/{model}`,
      apiKey: 'sk-right',
      keyHeader: 'api-key',
      apiVersion: '2024-10-21',
      model: 'some model',
    })
    expect((await model.complete(requestOf())).text).toBe('ok')
    expect(server.requests[0]).toMatchObject({
      path: '/openai/deployments/some%20model/chat/completions',
      query: { 'api-version': '2024-10-21' },
    })
  })

  it('nobody by an address or with a key that cannot be one, without showing the key', () => {
    const make = (options: object) => () => openAiLanguageModel({ model: 'm', ...options })
    expect(make({ baseUrl: 'localhost:11434' })).toThrow('baseUrl: expected')
    expect(make({ baseUrl: 'https://user:hunter2@host/v1' })).toThrow(/^(?!.*hunter2).*baseUrl: expected/)
    expect(make({ apiKey: 'sk-secret\n' })).toThrow(/^(?!.*sk-secret).*apiKey: expected/)
    expect(make({ model: ' ' })).toThrow('model: expected')
    expect(make({ models: { extract: '' } })).toThrow('extract: expected')
  })

  it('the ledger with what the provider counted', async () => {
    const { model, ledger } = await open({ apiKey: 'sk-right' })
    const messages = [{ role: 'user', content: 'word '.repeat(2000) }] as const
    await model.complete(requestOf({ messages }))
    await model.complete(requestOf({ messages: [...messages, { role: 'user', content: 'and?' }] }))
    expect(ledger.map(({ tokensCached }) => tokensCached)).toEqual([0, 1920])
    expect(ledger[1]?.tokensIn).toBeGreaterThan(2000)
    expect(ledger[1]?.tokensOut).toBe(1)
  })
})
