import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { type Answer, type ScriptedRequest, startScriptedOpenAi } from '../../test/scripted-openai/server.ts'
import type { FactBook } from './facts.ts'
import { mem0Answer } from './mem0-answers.ts'
import { ourAnswer } from './our-answers.ts'

/** OpenAI caches prompt beginnings from 1024 tokens on, in steps of 128. */
const MIN_CACHED = 1024
const CACHED_STEP = 128

/** Earlier prompts that a beginning is looked for in. */
const REMEMBERED = 20

/** What a system asked the model for. Tokens are those of o200k, of what really arrived. */
export interface Usage {
  llmCalls: number
  promptTokens: number
  /** Of these, the ones that a provider with a prompt cache had seen before. */
  cachedTokens: number
  completionTokens: number
  embeddingCalls: number
  embeddedTexts: number
  embeddedTokens: number
}

export interface ScriptedModel extends AsyncDisposable {
  url: string
  /** What `system` has asked for since the last call; its model names and its key are all `system`. */
  takeUsage(system: string): Usage
  /** Milliseconds in which the server was busy with requests of `system` since the last call. */
  takeBusyMs(system: string): number
}

/**
 * A model that says what stands in the book, with embeddings of so many dimensions. Answers at once: what is measured
 * is the systems around it.
 */
export async function startModel(book: FactBook, dimensions: number): Promise<ScriptedModel> {
  const said = new Map<string, string[]>()
  const say = (system: string, answer: Answer): Answer => {
    said.set(system, [...(said.get(system) ?? []), textOf(answer)])
    return answer
  }
  const chat = ({ path }: ScriptedRequest) => path.endsWith('/chat/completions')
  const server = await startScriptedOpenAi({
    dimensions,
    // Counted afterwards: counting takes longer than answering.
    usage: 'none',
    rules: [
      {
        when: (request) => chat(request) && request.body.model === 'mem0',
        answer: (request) => say('mem0', mem0Answer(request, book)),
      },
      { when: chat, answer: (request) => say(request.body.model, ourAnswer(request, book)) },
    ],
  })
  const clock = watchRequests()
  return {
    url: server.url,
    takeBusyMs: clock.takeBusyMs,
    takeUsage(system) {
      const { true: mine = [], false: others = [] } = Object.groupBy(server.requests, ({ body }) =>
        body.model === system ? 'true' : 'false',
      )
      server.requests = others
      const prompts = mine.filter(chat).map(promptOf)
      const embedded = mine.filter(({ path }) => path.endsWith('/embeddings'))
      const texts = embedded.flatMap(({ body }) => body.input as string | string[])
      const answers = said.get(system) ?? []
      said.delete(system)
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
      clock.stop()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** All that a model reads of a request: functions, the shape of the answer, and the messages. */
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
    // Four tokens a message for its role and its marks, as OpenAI's chat format has them.
    total += tokens.length + 4 * messages
    const shared = earlier.reduce((most, other) => Math.max(most, commonPrefix(tokens, other)), 0)
    if (shared >= MIN_CACHED) cached += shared - (shared % CACHED_STEP)
    earlier.push(tokens)
    if (earlier.length > REMEMBERED) earlier.shift()
  }
  return { promptTokens: total, cachedTokens: cached }
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
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

/** Time from the head of a request to the end of its answer, by key; what overlaps counts once. */
function watchRequests() {
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
