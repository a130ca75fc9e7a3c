import { onTestFinished } from 'vitest'
import {
  type OpenAiLanguageModelOptions,
  openAiLanguageModel,
} from '../../../sidecar/adapters/openai/chat/language-model.ts'
import type { LedgerEntry } from '../../../sidecar/ports/ledger.ts'
import type { Failure, ModelSubject } from '../../contract/language-model.ts'
import { type Rule, type ScriptedOpenAi, startScriptedOpenAi } from './server.ts'
import { type ScriptedTime, scriptedTime } from './time.ts'

const HOW: Record<Failure, Rule> = {
  timeout: { hang: true },
  rate_limited: { status: 429 },
  // Real servers quote the key.
  refused_key: { status: 401, body: { error: { message: 'Incorrect API key provided: sk-secret' } } },
  server_error: { status: 500, answer: '' },
  bad_answer: { body: '<html>Please log in</html>' },
  unreachable: { resetConnection: true },
}

const FINISH = { stop: 'stop', length: 'length', refused: 'content_filter', other: 'other' } as const

export interface OpenAiSubject extends ModelSubject {
  server: ScriptedOpenAi
  time: ScriptedTime
}

/** The OpenAI adapter on a scripted server, as a subject of the contract. */
export async function openModelSubject(options: Partial<OpenAiLanguageModelOptions> = {}) {
  const server = await startScriptedOpenAi()
  const time = scriptedTime()
  const ledger: LedgerEntry[] = []
  const model = openAiLanguageModel({
    baseUrl: server.url,
    apiKey: 'sk-secret',
    model: 'scripted',
    retries: 0,
    breakAfter: 100,
    record: (entry) => ledger.push(entry),
    time,
    ...options,
  })
  const subject: OpenAiSubject = {
    server,
    time,
    model,
    ledger,
    endpoint: {
      says: ({ text, calls = [], finish }) =>
        server.rules.replace({
          answer: { content: text ?? '', calls: [...calls], ...(finish ? { finish: FINISH[finish] } : {}) },
        }),
      echoes: () => server.rules.replace({ answer: ({ last }) => last }),
      fails(how) {
        server.rules.replace(HOW[how])
        if (how === 'timeout') void server.received(server.requests.length + 1).then(time.expire)
      },
      hangs() {
        server.rules.replace({ hang: true })
        return server.received(server.requests.length + 1)
      },
      asked: () =>
        server.requests.map(({ body }) => ({
          messages: body.messages,
          tools: (body.tools ?? []).map((tool: { function: { name: string } }) => tool.function.name),
          schema: body.response_format?.json_schema?.name,
          limit: body.max_tokens ?? body.max_completion_tokens,
        })),
    },
  }
  return { subject, close: async () => await server[Symbol.asyncDispose]() }
}

/** The same, closed when the test ends. */
export async function useModel(options: Partial<OpenAiLanguageModelOptions> = {}): Promise<OpenAiSubject> {
  const { subject, close } = await openModelSubject(options)
  onTestFinished(close)
  return subject
}
