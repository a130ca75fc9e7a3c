import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import {
  type Answer,
  type ScriptedRequest,
  startScriptedOpenAi,
} from '../../test/helpers/scripted-openai/server.ts'
import type { FactBook } from './facts.ts'
import { hippocacheAnswer } from './hippocache-answers.ts'
import { mem0Answer } from './mem0-answers.ts'

/** OpenAI caches prompt prefixes from 1024 tokens on, in steps of 128. */
const MIN_CACHED = 1024
const CACHED_STEP = 128

/** Number of earlier prompts that are searched for a shared prefix. */
const MAX_EARLIER_PROMPTS = 20

/** The requests of one system to the model. Tokens are o200k tokens of the received requests. */
export interface Usage {
  llmCalls: number
  promptTokens: number
  /** Prompt tokens that a provider with a prompt cache would bill as cached. */
  cachedTokens: number
  completionTokens: number
  embeddingCalls: number
  embeddedTexts: number
  embeddedTokens: number
}

export interface ScriptedModel extends AsyncDisposable {
  url: string
  /** Usage of `system` since the last call. A system is identified by its API key and model names. */
  takeUsage(system: string): Usage
  /** Milliseconds since the last call during which the server was processing requests of `system`. */
  takeBusyMs(system: string): number
}

/**
 * Starts a fake OpenAI endpoint that answers immediately with the facts of the book and with hashed embeddings, so that
 * the measured time is that of the systems under test.
 */
export async function startModel(book: FactBook, dimensions: number): Promise<ScriptedModel> {
  const completions = new Map<string, string[]>()
  const record = (system: string, answer: Answer): Answer => {
    completions.set(system, [...(completions.get(system) ?? []), textOf(answer)])
    return answer
  }
  const isChat = ({ path }: ScriptedRequest) => path.endsWith('/chat/completions')
  const server = await startScriptedOpenAi({
    dimensions,
    // Tokens are counted after the measurement, since counting takes longer than answering.
    usage: 'none',
    rules: [
      {
        when: (request) => isChat(request) && request.body.model === 'mem0',
        answer: (request) => record('mem0', mem0Answer(request, book)),
      },
      { when: isChat, answer: (request) => record(request.body.model, hippocacheAnswer(request, book)) },
    ],
  })
  const busyTimes = trackBusyTimes()
  return {
    url: server.url,
    takeBusyMs: busyTimes.takeBusyMs,
    takeUsage(system) {
      const { true: own = [], false: others = [] } = Object.groupBy(server.requests, ({ body }) =>
        body.model === system ? 'true' : 'false',
      )
      server.requests = others
      const prompts = own.filter(isChat).map(promptOf)
      const embedded = own.filter(({ path }) => path.endsWith('/embeddings'))
      const texts = embedded.flatMap(({ body }) => body.input as string | string[])
      const answers = completions.get(system) ?? []
      completions.delete(system)
      return {
        llmCalls: prompts.length,
        ...promptTokens(prompts),
        completionTokens: sum(answers.map(countTokens)),
        embeddingCalls: embedded.length,
        embeddedTexts: texts.length,
        embeddedTokens: sum(texts.map(countTokens)),
      }
    },
    async [Symbol.asyncDispose]() {
      busyTimes.stop()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** The billed text of a request: tools, response schema and messages. */
function promptOf({ body }: ScriptedRequest): { text: string; messages: number } {
  const parts = [
    ...(body.tools ? [JSON.stringify(body.tools)] : []),
    ...(body.response_format?.json_schema ? [JSON.stringify(body.response_format.json_schema)] : []),
    ...body.messages.map(({ content }: { content: string }) => content),
  ]
  return { text: parts.join('\n'), messages: body.messages.length }
}

function promptTokens(prompts: readonly { text: string; messages: number }[]) {
  const earlier: number[][] = []
  let total = 0
  let cached = 0
  for (const { text, messages } of prompts) {
    const tokens = encode(text, { disallowedSpecial: new Set() })
    // OpenAI's chat format adds about four tokens per message.
    total += tokens.length + 4 * messages
    const shared = earlier.reduce((most, other) => Math.max(most, commonPrefixLength(tokens, other)), 0)
    if (shared >= MIN_CACHED) cached += shared - (shared % CACHED_STEP)
    earlier.push(tokens)
    if (earlier.length > MAX_EARLIER_PROMPTS) earlier.shift()
  }
  return { promptTokens: total, cachedTokens: cached }
}

function commonPrefixLength(a: readonly number[], b: readonly number[]): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}

function textOf(answer: Answer): string {
  if (typeof answer === 'string') return answer
  return `${answer.content ?? ''}${(answer.calls ?? []).map((call) => `${call.name} ${JSON.stringify(call.arguments)}`)}`
}

function countTokens(text: string): number {
  return encode(text, { disallowedSpecial: new Set() }).length
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

/** Measures the time between request head and end of response per API key; overlapping requests count once. */
function trackBusyTimes() {
  const running = new Map<string, { count: number; since: number }>()
  const busy = new Map<string, number>()
  const systemOf = (request: IncomingMessage) => request.headers.authorization?.replace(/^Bearer /, '') ?? ''
  const started = (event: unknown) => {
    const system = systemOf((event as { request: IncomingMessage }).request)
    const { count, since } = running.get(system) ?? { count: 0, since: 0 }
    running.set(system, { count: count + 1, since: count === 0 ? performance.now() : since })
  }
  const finished = (event: unknown) => {
    const system = systemOf((event as { request: IncomingMessage }).request)
    const now = running.get(system)
    if (!now) return
    running.set(system, { ...now, count: now.count - 1 })
    if (now.count === 1) busy.set(system, (busy.get(system) ?? 0) + performance.now() - now.since)
  }
  const start = channel('http.server.request.start')
  const finish = channel('http.server.response.finish')
  start.subscribe(started)
  finish.subscribe(finished)
  return {
    takeBusyMs(system: string): number {
      const milliseconds = busy.get(system) ?? 0
      busy.delete(system)
      return milliseconds
    },
    stop() {
      start.unsubscribe(started)
      finish.unsubscribe(finished)
    },
  }
}
