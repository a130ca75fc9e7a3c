import { APIConnectionError, APIError } from 'openai'
import { ModelUnavailable } from '../../ports/language-model.ts'
import { AnswerTooLarge } from './endpoint.ts'

/** For messages: which endpoint, which of its models. */
export interface Asked {
  /** `language model` or `embedding`. */
  what: string
  host: string
  model: string
}

interface Details {
  retryAfterMs?: number | undefined
  status?: number | undefined
  cause?: unknown
  /** Whether the same request may be sent again now. */
  again?: boolean
  /** Whether it speaks against the endpoint as a whole, not against this request. */
  outage?: boolean
  says?: string
}

/** `ModelUnavailable` with what retries, breaker and fallbacks need to know. */
export class EndpointFailure extends ModelUnavailable {
  readonly again: boolean
  readonly outage: boolean
  // Private, so that it reaches no log: endpoints quote prompts and keys in their errors.
  readonly #says: string

  constructor(reason: ModelUnavailable['reason'], message: string, details: Details = {}) {
    super(reason, message, details)
    this.again = details.again ?? false
    this.outage = details.outage ?? false
    this.#says = details.says ?? ''
  }

  /** The endpoint's own words on a refused request, to look for features in; never to be shown. */
  get says(): string {
    return this.#says
  }
}

/** The failure behind whatever a try rejected with. An error of our own making is thrown on as it is. */
export function failureOf(error: unknown, asked: Asked, now: number): EndpointFailure {
  if (error instanceof EndpointFailure) return error
  if (error instanceof SyntaxError) return badAnswer(asked, 'a body that is not JSON')
  if (error instanceof AnswerTooLarge || codeOf(error) === 'ERR_INVALID_STATE') {
    return badAnswer(asked, 'more than any completion has')
  }
  if (error instanceof APIError && error.status !== undefined)
    return ofStatus(error.status, error, asked, now)
  const code = codeOf(error)
  // undici says `terminated` when the connection breaks inside an answer.
  if (
    error instanceof APIConnectionError ||
    code ||
    (error instanceof TypeError && error.message === 'terminated')
  ) {
    return new EndpointFailure(
      'unreachable',
      `The ${asked.what} endpoint ${asked.host} cannot be reached${code ? ` (${code})` : ''}; check the base URL ` +
        'and that the server is up',
      { again: true, outage: true },
    )
  }
  throw error
}

/** An answer of status 200 that is none. */
export function badAnswer({ what, host, model }: Asked, came: string): EndpointFailure {
  return new EndpointFailure(
    'bad_answer',
    `The ${what} endpoint ${host} answered for ${JSON.stringify(model)} with ${came}; check that the base URL is ` +
      `that of an OpenAI-compatible API (it usually ends in /v1) and that this model serves it`,
    { outage: true },
  )
}

export function tookTooLong({ what, host, model }: Asked, timeoutMs: number): EndpointFailure {
  return new EndpointFailure(
    'timeout',
    `The ${what} endpoint ${host} did not answer for ${JSON.stringify(model)} within ${timeoutMs} ms`,
    { outage: true },
  )
}

/** What an HTTP status means. `error` is the client's, or an error object out of a body that came with 200. */
export function ofStatus(
  status: number,
  error: { code?: unknown; error?: unknown; message?: unknown; headers?: Headers | undefined },
  { what, host, model }: Asked,
  now: number,
): EndpointFailure {
  const says = `${JSON.stringify(error.error ?? '')} ${error.message ?? ''}`.slice(0, 4000)
  const code = identifier(error.code)
  const retryAfterMs = retryAfter(error.headers, now)
  const at = `The ${what} endpoint ${host}`
  const named = JSON.stringify(model)
  const status_ = `(status ${status}${code ? `, ${code}` : ''})`
  if (status === 401 || status === 403) {
    return new EndpointFailure(
      'refused_key',
      `${at} refused the API key ${status_}; check the key and that it may use the model ${named}`,
      { status },
    )
  }
  if (status === 429) {
    const spent = /insufficient_quota|billing|exceeded your current quota/i.test(`${code} ${says}`)
    return new EndpointFailure(
      'rate_limited',
      spent
        ? `The account at ${host} has no quota left ${status_}; check its plan and billing`
        : `${at} limits the rate of requests ${status_}; it is asked again later`,
      { status, retryAfterMs, again: !spent, outage: true },
    )
  }
  if (status >= 500 || status === 408 || status === 409) {
    return new EndpointFailure(status === 408 ? 'timeout' : 'server_error', `${at} failed ${status_}`, {
      status,
      retryAfterMs,
      again: status !== 501,
      outage: status >= 500,
      says,
    })
  }
  return new EndpointFailure('bad_answer', `${at} ${refusal(status, says, named)} ${status_}`, {
    status,
    says,
  })
}

function refusal(status: number, says: string, model: string): string {
  if (status === 404 && /model|deployment/i.test(says)) return `has no model ${model}; check the model's name`
  if (status === 404) return 'has nothing at this address; check the base URL (it usually ends in /v1)'
  if (status === 413 || isTooLong(says)) return `cannot take a request of this length for the model ${model}`
  return `refused the request for the model ${model}`
}

export function isTooLong(says: string): boolean {
  return /context.{0,10}(length|window|size)|too (long|large|many tokens)|reduce the length|maximum.{0,20}tokens/i.test(
    says,
  )
}

/** RFC 9110 §10.2.3 (seconds or a date), and the milliseconds that Azure and OpenAI send besides. */
function retryAfter(headers: Headers | undefined, now: number): number | undefined {
  const text = headers?.get('retry-after')?.trim() ?? ''
  const milliseconds = headers?.get('retry-after-ms')?.trim() ?? ''
  const wait = /^\d+(\.\d+)?$/.test(milliseconds)
    ? Number(milliseconds)
    : /^\d+(\.\d+)?$/.test(text)
      ? Number(text) * 1000
      : Date.parse(text) - now
  return Number.isFinite(wait) ? Math.max(0, Math.ceil(wait)) : undefined
}

/** A system's or library's error code, from the error or from what caused it. */
function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = identifier((at as { code?: unknown }).code)
    if (code) return code
  }
  return ''
}

/** Words of an endpoint are shown only where they can be nothing but a code. */
function identifier(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,47}$/.test(value) ? value : ''
}
