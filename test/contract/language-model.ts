import { expect } from 'vitest'
import {
  type Completion,
  type CompletionRequest,
  type LanguageModel,
  ModelUnavailable,
} from '../../sidecar/ports/language-model.ts'
import type { LedgerEntry } from '../../sidecar/ports/ledger.ts'
import type { Case } from './contract.ts'

/** Failures that an endpoint can be told to have. */
export type Failure = Exclude<ModelUnavailable['reason'], 'circuit_open'>

/** What is behind a model, told by the case what to do. The adapter must not try twice. */
export interface ScriptedEndpoint {
  says(answer: Partial<Pick<Completion, 'text' | 'calls' | 'finish'>>): void
  /** Says the last message of every request back to it. */
  echoes(): void
  fails(how: Failure): void
  /** Takes requests and never answers; resolves when it has one. */
  hangs(): Promise<void>
  /** Messages, names of functions and of the schema, and the token limit of every request that it got. */
  asked(): { messages: unknown; tools: string[]; schema: string | undefined; limit: unknown }[]
}

export interface ModelSubject {
  model: LanguageModel
  endpoint: ScriptedEndpoint
  /** Entries in the order in which they were recorded. */
  ledger: LedgerEntry[]
}

const FAILURES: readonly Failure[] = [
  'timeout',
  'rate_limited',
  'refused_key',
  'server_error',
  'bad_answer',
  'unreachable',
]

const SECRET = 'my dog is called Xanthippe'

export function requestOf(more: Partial<CompletionRequest> = {}): CompletionRequest {
  return {
    purpose: 'extract',
    messages: [
      { role: 'system', content: 'Answer in JSON.' },
      { role: 'user', content: SECRET },
    ],
    maxOutputTokens: 100,
    account: { scope: 'app/u1', conversationId: 'c1', turn: 3, arm: 'a' },
    ...more,
  }
}

export const MODEL_CASES: readonly Case<ModelSubject>[] = [
  {
    name: 'answers what the model wrote, to the character',
    async run({ model, endpoint }) {
      const text = '  {"fact": "naïve 東京 😀 \\u00e9"}\n\n'
      endpoint.says({ text })
      const { model: by, ...rest } = await model.complete(requestOf())
      expect(rest).toEqual({ text, calls: [], finish: 'stop' })
      expect(by).not.toBe('')
    },
  },
  {
    name: 'hands over every message, the schema and the limit',
    async run({ model, endpoint }) {
      const messages = [
        { role: 'system', content: 'JSON only' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'two' },
        { role: 'user', content: 'three' },
      ] as const
      const schema = { type: 'object', properties: {}, required: [], additionalProperties: false }
      await model.complete(requestOf({ messages, schema: { name: 'facts', schema }, maxOutputTokens: 77 }))
      expect(endpoint.asked()).toEqual([{ messages, tools: [], schema: 'facts', limit: 77 }])
    },
  },
  {
    name: 'offers functions and answers the calls, arguments as they were written',
    async run({ model, endpoint }) {
      const calls = [
        { name: 'add', arguments: '{"id": 1,  "text":"é"}' },
        { name: 'add', arguments: '{"id": 2, "te' },
      ]
      endpoint.says({ text: '', calls })
      const tools = [
        { name: 'add', description: 'Adds.', parameters: { type: 'object' } },
        { name: 'drop', description: 'Drops.', parameters: { type: 'object' } },
      ]
      expect(await model.complete(requestOf({ tools }))).toMatchObject({ text: '', calls, finish: 'stop' })
      expect(endpoint.asked()[0]?.tools).toEqual(['add', 'drop'])
    },
  },
  {
    name: 'answers what was cut off and says so',
    async run({ model, endpoint }) {
      endpoint.says({ text: '{"facts":["lives in', finish: 'length' })
      expect(await model.complete(requestOf())).toMatchObject({
        text: '{"facts":["lives in',
        finish: 'length',
      })
    },
  },
  {
    name: 'answers a refusal as one, not as a failure',
    async run({ model, endpoint }) {
      endpoint.says({ text: '', finish: 'refused' })
      expect(await model.complete(requestOf())).toMatchObject({ finish: 'refused' })
    },
  },
  {
    name: 'takes whatever a model says, also nothing and no JSON where a schema was asked for',
    async run({ model, endpoint }) {
      const schema = { name: 'facts', schema: { type: 'object' } }
      for (const text of ['', 'Sure! Here you go', '<html>', '{"a":', 'null']) {
        endpoint.says({ text })
        expect((await model.complete(requestOf({ schema }))).text).toBe(text)
      }
    },
  },
  {
    name: 'keeps the answers of requests at the same time apart',
    async run({ model, endpoint }) {
      endpoint.echoes()
      const words = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
      const answers = await Promise.all(
        words.map((content) => model.complete(requestOf({ messages: [{ role: 'user', content }] }))),
      )
      expect(answers.map(({ text }) => text)).toEqual(words)
    },
  },
  ...FAILURES.map(
    (how): Case<ModelSubject> => ({
      name: `rejects with ${how}, says nothing private, and answers again when the endpoint does`,
      async run({ model, endpoint }) {
        endpoint.fails(how)
        const failure = await model.complete(requestOf()).then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(failure).toBeInstanceOf(ModelUnavailable)
        const { reason, message, stack, cause } = failure as ModelUnavailable
        expect(reason).toBe(how)
        expect(`${message} ${stack} ${cause}`).not.toContain(SECRET)
        endpoint.says({ text: 'back' })
        expect((await model.complete(requestOf())).text).toBe('back')
      },
    }),
  ),
  {
    name: 'rejects with the reason of an aborted signal, without a request',
    async run({ model, endpoint }) {
      const signal = AbortSignal.abort(new Error('changed my mind'))
      await expect(model.complete(requestOf({ signal }))).rejects.toThrow('changed my mind')
      expect(endpoint.asked()).toEqual([])
    },
  },
  {
    name: 'rejects with the reason of a signal that is aborted meanwhile',
    async run({ model, endpoint }) {
      const controller = new AbortController()
      const taken = endpoint.hangs()
      const completion = model.complete(requestOf({ signal: controller.signal }))
      const rejected = expect(completion).rejects.toThrow('changed my mind')
      await taken
      controller.abort(new Error('changed my mind'))
      await rejected
    },
  },
  {
    name: 'books every try to the account with its purpose and outcome',
    async run({ model, endpoint, ledger }) {
      const account = { scope: 'app/u2', conversationId: 'c2', turn: 7, arm: 'b' }
      await model.complete(requestOf({ purpose: 'reconcile', account }))
      expect(ledger).toMatchObject([{ ...account, purpose: 'reconcile', outcome: 'ok', retries: 0 }])
      expect(ledger[0]?.tokensIn).toBeGreaterThan(0)
      expect(ledger[0]?.tokensOut).toBeGreaterThan(0)
      for (const [i, how] of FAILURES.entries()) {
        endpoint.fails(how)
        await model.complete(requestOf({ account })).catch(() => {})
        expect(ledger).toHaveLength(i + 2)
        expect(ledger[i + 1]).toMatchObject({ ...account, purpose: 'extract', outcome: how })
      }
    },
  },
  {
    name: 'says what it is',
    async run({ model }) {
      expect(model.kind).not.toBe('')
    },
  },
]
