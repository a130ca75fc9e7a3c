import type { Invocation } from '../../../../plugin-sdk/protocol.ts'
import { isObject, type SessionRouter } from './session-router.ts'

type Fields = Record<string, unknown>

type Answer = { data: unknown } | { error: string }

export interface FakeDify {
  /** Every call, in order. */
  calls: Invocation[]
  /** The values of the plugin's storage as hex, by key. */
  stored: Map<string, string>
  /** Set by tests: answers of the models, or an error. */
  llm: (request: Fields) => Answer
  embed: (texts: string[]) => Answer
  permissions: { llm: boolean; text_embedding: boolean; storage: boolean }
  maxStorageBytes: number
  /** The lines of the daemon for a call, in order. */
  answer(sessionId: string, invocation: Invocation): string[]
}

/** The usage of a chunk: decimals are strings. */
const USAGE = {
  ...{ prompt_tokens: 9, prompt_unit_price: '0.15', prompt_price_unit: '0.000001' },
  ...{ prompt_price: '0.0000014', completion_tokens: 3, completion_unit_price: '0.6' },
  ...{ completion_price_unit: '0.000001', completion_price: '0.0000018', total_tokens: 12 },
  ...{ total_price: '0.0000032', currency: 'USD', latency: 0.8 },
}

/** One chunk of a model's answer, as the daemon forwards it. */
export function llmChunk(content: unknown, more: { tool_calls?: unknown; usage?: unknown } = {}) {
  const { tool_calls = null, usage = USAGE } = more
  return {
    ...{ model: 'gpt-4o-mini', system_fingerprint: '', prompt_messages: [] },
    delta: {
      index: 0,
      message: { role: 'assistant', content, name: '', tool_calls, tool_call_id: '' },
      ...{ usage, finish_reason: 'stop' },
    },
  }
}

/** The daemon's side of calls to Dify: its checks, permissions, storage and frames, with models that tests script. */
export function createFakeDify(): FakeDify {
  const dify: FakeDify = {
    calls: [],
    stored: new Map(),
    llm: () => ({ data: llmChunk('hello') }),
    embed: (texts) => ({
      data: { model: 'e', embeddings: texts.map(() => [1, 0]), usage: { tokens: 4, total_tokens: 4 } },
    }),
    permissions: { llm: true, text_embedding: true, storage: true },
    maxStorageBytes: 10_485_760,
    answer(sessionId, invocation) {
      dify.calls.push(invocation)
      const result = answerTo(dify, invocation)
      const stream = invocation.type === 'llm' ? 'stream' : 'struct'
      const line = (event: string, message: string, data: unknown) =>
        JSON.stringify({
          ...{ session_id: sessionId, conversation_id: null, message_id: null, app_id: null },
          ...{ endpoint_id: null, context: null, event: 'backwards_response' },
          data: { backwards_request_id: invocation.backwards_request_id, event, message, data },
        })
      const answer =
        'error' in result ? line('error', result.error, null) : line('response', stream, result.data)
      return [answer, line('end', '', null)]
    },
  }
  return dify
}

/** Answers the calls that a daemon's router reads, on the plugin's input. */
export function connectDify(router: SessionRouter, write: (line: string) => void, dify: FakeDify): void {
  router.onInvoke = (sessionId, invocation) => {
    for (const line of dify.answer(sessionId, invocation)) write(`${line}\n`)
  }
}

function answerTo(dify: FakeDify, { type, request: given }: Invocation): Answer {
  const request = given as Fields
  const denied = (what: string) => ({
    error: `permission denied, you need to enable ${what} access in plugin manifest`,
  })
  if (type === 'llm') {
    if (!dify.permissions.llm) return denied('llm')
    const problem = llmProblem(request)
    return problem === undefined ? dify.llm(request) : { error: problem }
  }
  if (type === 'text_embedding') {
    if (!dify.permissions.text_embedding) return denied('text embedding')
    const { texts, input_type } = request
    if (!Array.isArray(texts)) return { error: 'texts is required' }
    if (input_type !== 'document' && input_type !== 'query') return { error: 'input_type is required' }
    return dify.embed(texts)
  }
  if (type === 'storage') return dify.permissions.storage ? storage(dify, request) : denied('storage')
  return { error: `unsupported invocation ${type}` }
}

/** What the daemon and the API reject: the daemon sends null for a missing list or object. */
function llmProblem(request: Fields): string | undefined {
  const { provider, model, mode, completion_params, prompt_messages } = request
  for (const [name, value] of Object.entries({ provider, model, mode })) {
    if (typeof value !== 'string' || value === '') return `${name} is required`
  }
  if (!isObject(completion_params)) return 'completion_params: Input should be a valid dictionary'
  if (!Array.isArray(prompt_messages)) return 'prompt_messages: Input should be a valid list'
  for (const message of prompt_messages) {
    if (message.role === 'assistant' && !Array.isArray(message.tool_calls))
      return 'tool_calls: Input should be a valid list'
  }
  return undefined
}

function storage({ stored, maxStorageBytes }: FakeDify, request: Fields): Answer {
  const { opt, key, value } = request
  if (typeof key !== 'string' || key === '' || key.length > 256) return { error: 'key is invalid' }
  if (opt === 'exist') return { data: { data: stored.has(key), exist_num: stored.has(key) ? 1 : 0 } }
  if (opt === 'get') {
    const found = stored.get(key)
    if (found !== undefined) return { data: { data: found } }
    return { error: 'load data failed, please check if the key is correct or you have not set it' }
  }
  if (opt === 'del') return stored.delete(key) ? { data: { data: 'ok' } } : { error: 'delete data failed' }
  if (opt !== 'set' || typeof value !== 'string' || !/^([0-9a-f]{2})*$/.test(value))
    return { error: 'value must be hex' }
  // The daemon writes the value before it checks the size.
  stored.set(key, value)
  const bytes = stored.values().reduce((sum, hex) => sum + hex.length / 2, 0)
  if (bytes <= maxStorageBytes) return { data: { data: 'ok' } }
  return { error: 'save data failed: allocated size is greater than max storage size' }
}
