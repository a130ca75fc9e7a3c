import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { completionOf, withoutReasoning } from '../../../sidecar/adapters/openai/chat/completion.ts'
import { openAiLanguageModel } from '../../../sidecar/adapters/openai/chat/language-model.ts'
import type { LedgerEntry } from '../../../sidecar/ports/ledger.ts'
import { requestOf } from '../../contract/language-model.ts'
import { anyText } from '../../helpers/any-text.ts'
import { startScriptedOpenAi } from '../../helpers/scripted-openai/server.ts'

const read = (body: unknown) => completionOf(body, 'm', (got) => new Error(got))
const saying = (message: object, more: object = {}) => ({
  choices: [{ message, finish_reason: 'stop', ...more }],
})

describe('reasoning before the answer', () => {
  it.each([
    ['<think>hm, 1 < 2</think>\n\n{"a":1}', '{"a":1}'],
    ['\n<think>\nhm\n</think>yes', 'yes'],
    ['<thinking>hm</thinking> yes', 'yes'],
    ['hm, so it is yes\n</think>\n\nyes', 'yes'],
    ['<think>hm and then cut o', ''],
    ['<think></think>', ''],
    ['{"text":"he wrote </think>"}', '{"text":"he wrote </think>"}'],
    ['Use <think> and </think> tags.', 'Use <think> and </think> tags.'],
  ])('is removed: %j', (text, rest) => {
    expect(withoutReasoning(text)).toBe(rest)
  })

  it('is removed whatever it contains, and a text without tags stays unchanged', () => {
    const untagged = anyText().filter((text) => !/<\/?think/i.test(text))
    fc.assert(fc.property(untagged, (text) => withoutReasoning(text) === text))
    fc.assert(
      fc.property(untagged, untagged, (thought, text) => {
        expect(withoutReasoning(`<think>${thought}</think>${text}`)).toBe(text.trimStart())
      }),
    )
  })
})

describe('a completion', () => {
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
      'arguments that are an object',
      { tool_calls: [{ function: { name: 'f', arguments: { id: 1 } } }, { function: { name: 'g' } }] },
      {
        calls: [
          { name: 'f', arguments: '{"id":1}' },
          { name: 'g', arguments: '{}' },
        ],
      },
    ],
    ['invalid calls', { tool_calls: [null, 1, {}, { function: { arguments: '' } }] }, { calls: [] }],
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
  ])('with finish_reason %j has finish %s', (finish_reason, finish) => {
    expect(read(saying({ content: '' }, { finish_reason })).finish).toBe(finish)
  })

  it('is read or rejected with a reason, whatever the response is', () => {
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

describe('the OpenAI language model', () => {
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

  it('sends a bearer key', async () => {
    const { model, server } = await open({ apiKey: 'sk-right' })
    expect((await model.complete(requestOf())).text).toBe('ok')
    expect(JSON.stringify(server.requests)).not.toContain('sk-right')
  })

  it('sends no key when none is configured', async () => {
    const { model } = await open({})
    const failure = await model.complete(requestOf()).catch((error: unknown) => error)
    expect(failure).toMatchObject({ reason: 'refused_key', status: 401 })
  })

  it('addresses a deployment of Azure with its key header and version', async () => {
    const fetched = vi.spyOn(globalThis, 'fetch').mockResolvedValue(Response.json(saying({ content: 'ok' })))
    onTestFinished(() => fetched.mockRestore())
    const model = openAiLanguageModel({
      baseUrl: 'https://ours.openai.azure.com/openai/deployments/{model}',
      apiKey: 'sk-right',
      apiVersion: '2024-10-21',
      model: 'some model',
    })
    expect((await model.complete(requestOf())).text).toBe('ok')
    const [url, init] = fetched.mock.calls[0] ?? []
    expect(String(url)).toBe(
      'https://ours.openai.azure.com/openai/deployments/some%20model/chat/completions?api-version=2024-10-21',
    )
    const headers = new Headers(init?.headers)
    expect([headers.get('api-key'), headers.get('authorization')]).toEqual(['sk-right', null])
  })

  it('rejects an invalid address or key without showing it', () => {
    const make = (options: object) => () => openAiLanguageModel({ model: 'm', ...options })
    expect(make({ baseUrl: 'localhost:11434' })).toThrow('baseUrl: expected')
    expect(make({ baseUrl: 'https://user:hunter2@host/v1' })).toThrow(/^(?!.*hunter2).*baseUrl: expected/)
    expect(make({ apiKey: 'sk-secret\n' })).toThrow(/^(?!.*sk-secret).*apiKey: expected/)
  })

  it('records the tokens that the provider counted', async () => {
    const { model, ledger } = await open({ apiKey: 'sk-right' })
    const messages = [{ role: 'user', content: 'word '.repeat(2000) }] as const
    await model.complete(requestOf({ messages }))
    await model.complete(requestOf({ messages: [...messages, { role: 'user', content: 'and?' }] }))
    expect(ledger.map(({ tokensCached }) => tokensCached)).toEqual([0, 1920])
    expect(ledger[1]?.tokensIn).toBeGreaterThan(2000)
    expect(ledger[1]?.tokensOut).toBe(1)
  })
})
