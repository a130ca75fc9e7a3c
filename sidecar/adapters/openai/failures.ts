import { APIConnectionError, APIError } from 'openai'
import { ModelUnavailable } from '../../ports/language-model.ts'
import { ResponseTooLarge } from './endpoint.ts'
import { type Secrets, wordsOf } from './words.ts'

/** The endpoint and model of a request, for messages. */
export interface Target {
  /** `language model` or `embedding`. */
  what: string
  host: string
  model: string
  secrets: Secrets
}

type Detail = 'retryAfterMs' | 'status' | 'isRetryable' | 'isOutage' | 'responseText'

/** `ModelUnavailable` with details for retries, the circuit breaker and fallbacks. */
export class EndpointFailure extends ModelUnavailable {
  /** The same request may succeed when it is sent again. */
  readonly isRetryable: boolean
  /** The endpoint as a whole fails, not this request. Counts for the circuit breaker. */
  readonly isOutage: boolean
  // Private, so that it is never logged: endpoints quote prompts and keys in their errors. `message` shows the rest.
  readonly #responseText: string

  constructor(
    reason: ModelUnavailable['reason'],
    message: string,
    details: Partial<Pick<EndpointFailure, Detail>> = {},
  ) {
    super(reason, message, details)
    this.isRetryable = details.isRetryable ?? false
    this.isOutage = details.isOutage ?? false
    this.#responseText = details.responseText ?? ''
  }

  /** The endpoint's error text, for detecting unsupported features. Must not be shown. */
  get responseText(): string {
    return this.#responseText
  }
}

/** Converts the error of an attempt. Rethrows errors that do not come from the request. */
export function failureOf(error: unknown, target: Target, now: number): EndpointFailure {
  if (error instanceof EndpointFailure) return error
  if (error instanceof SyntaxError) return invalidResponse(target, 'a body that is not JSON')
  if (error instanceof APIConnectionError && error.cause instanceof ResponseTooLarge) {
    return invalidResponse(target, 'more than 32 MiB')
  }
  if (error instanceof APIError && error.status !== undefined) {
    return failureOfStatus(error.status, error, target, now)
  }
  const code = codeOf(error)
  if (!(error instanceof APIConnectionError || code)) throw error
  return new EndpointFailure(
    'unreachable',
    `The ${target.what} endpoint ${target.host} is unreachable${code ? ` (${code})` : ''}; check the base URL ` +
      'and that the server is running',
    { isRetryable: true, isOutage: true },
  )
}

/** A response with status 200 that is not the expected response. */
export function invalidResponse({ what, host, model }: Target, got: string): EndpointFailure {
  return new EndpointFailure(
    'bad_answer',
    `The ${what} endpoint ${host} answered for ${JSON.stringify(model)} with ${got}; check that the base URL ` +
      `belongs to an OpenAI-compatible API (it usually ends in /v1) and that the model supports it`,
    { isOutage: true },
  )
}

export function timedOut({ what, host, model }: Target, timeoutMs: number): EndpointFailure {
  return new EndpointFailure(
    'timeout',
    `The ${what} endpoint ${host} did not answer for ${JSON.stringify(model)} within ${timeoutMs} ms`,
    { isOutage: true },
  )
}

/** The failure for an HTTP status. `error` is the client's, or an error object in a response with status 200. */
export function failureOfStatus(
  status: number,
  error: { code?: unknown; error?: unknown; message?: unknown; headers?: Headers | undefined },
  target: Target,
  now: number,
): EndpointFailure {
  const { what, host, model } = target
  const responseText = `${JSON.stringify(error.error ?? '')} ${error.message ?? ''}`.slice(0, 4000)
  const code = identifier(error.code)
  const retryAfterMs = retryAfter(error.headers, now)
  const at = `The ${what} endpoint ${host}`
  const named = JSON.stringify(model)
  const got = `(status ${status}${code ? `, ${code}` : ''})`
  const words =
    status === 401 || status === 403 ? '' : wordsOf(error.error ?? bodyText(error), target.secrets)
  const says = words === '' ? '' : `: ${JSON.stringify(words)}`
  if (status === 401 || status === 403) {
    const message = `${at} rejected the API key ${got}; check the key and its access to the model ${named}`
    return new EndpointFailure('refused_key', message, { status })
  }
  if (status === 429) {
    const isRetryable = !/insufficient_quota|billing|exceeded your current quota/i.test(code + responseText)
    const message = isRetryable
      ? `${at} limits the request rate ${got}; the request is retried later`
      : `The account at ${host} has no quota left ${got}; check its plan and billing${says}`
    return new EndpointFailure('rate_limited', message, { status, retryAfterMs, isRetryable, isOutage: true })
  }
  // Ollama and llama.cpp return 500 for a text that is too long. It is this request that fails, not the endpoint.
  if (status === 500 && isTooLongInput(responseText)) {
    const message = `${at} ${rejection(413, responseText, named)} ${got}${says}`
    return new EndpointFailure('bad_answer', message, { status: 413, responseText })
  }
  if (status >= 500 || status === 408 || status === 409) {
    return new EndpointFailure(status === 408 ? 'timeout' : 'server_error', `${at} failed ${got}${says}`, {
      status,
      retryAfterMs,
      isRetryable: status !== 501,
      isOutage: status >= 500,
      responseText,
    })
  }
  return new EndpointFailure('bad_answer', `${at} ${rejection(status, responseText, named)} ${got}${says}`, {
    status,
    responseText,
  })
}

/** The body of an error that is not JSON, after the status in the message of the client. */
function bodyText({ message }: { message?: unknown }): string {
  const text = typeof message === 'string' ? message.replace(/^\d{3} /, '') : ''
  return text === 'status code (no body)' ? '' : text
}

function rejection(status: number, text: string, model: string): string {
  if (status === 404 && /model|deployment/i.test(text)) return `has no model ${model}; check the model's name`
  if (status === 404) return 'has no such path; check the base URL (it usually ends in /v1)'
  if (status === 413 || isTooLong(text)) return `rejects a request of this length for the model ${model}`
  return `rejected the request for the model ${model}`
}

const TOO_LONG =
  /context.{0,10}(length|window|size)|too (long|large|many tokens)|reduce the length|maximum.{0,20}tokens/i

export function isTooLong(text: string): boolean {
  return TOO_LONG.test(text)
}

/** As TEI, vLLM, llama.cpp, Mistral, DashScope, Bedrock and PyTorch word it; also about the total of a request. */
const TOO_LONG_INPUT =
  /too (?:long|large|big|many)|exceed|(?:longer|larger|greater|more) than|at most|(?:less|fewer) than \d+ tokens|max(?:imum)?\b.{0,40}(?:length|tokens|size)|(?:length|tokens?).{0,40}(?:limit|max)|range of input|sequence length|size of tensor|entity too large|长度|長度|过长|過長|超过|超過|超出|長すぎ|너무 (?:깁|길)/iu

export function isTooLongInput(text: string): boolean {
  return (
    isTooLong(text) || (TOO_LONG_INPUT.test(text) && !/deadline|time.?out|quota|rate.?limit/iu.test(text))
  )
}

/** `Retry-After` (RFC 9110 §10.2.3: seconds or a date), or `retry-after-ms` of Azure and OpenAI. */
function retryAfter(headers: Headers | undefined, now: number): number | undefined {
  const text = headers?.get('retry-after') ?? ''
  const waits = [Number(headers?.get('retry-after-ms') || Number.NaN), Number(text || Number.NaN) * 1000]
  const wait = [...waits, Date.parse(text) - now].find(Number.isFinite)
  return wait === undefined ? undefined : Math.max(0, Math.ceil(wait))
}

/** The error code of the error or of one of its causes. */
function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = identifier((at as { code?: unknown }).code)
    if (code) return code
  }
  return ''
}

/** Text from an endpoint may be shown only if it can be nothing but a code. */
function identifier(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,47}$/.test(value) ? value : ''
}
