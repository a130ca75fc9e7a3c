import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from './input/cli-error.ts'

export interface ClientOptions {
  url: string
  key: string | undefined
  /** The option that sets the key, for messages. @default '--key' */
  keyOption?: string
  /** Timeout of one request, milliseconds. */
  requestTimeoutMs: number
  /** Total time that one call may spend waiting between attempts, milliseconds. */
  maxWaitMs?: number
  /** Called before each wait. */
  onWait?: (milliseconds: number, reason: string) => void
}

/** The response body, or why the sidecar rejects this request; repeating a rejected request does not help. */
export type CallResult<T> = { ok: true; body: T } | { ok: false; status: number; reason: string }

type Attempt<T> = { result: CallResult<T> } | { reason: string; retryAfterMs?: number | undefined }

const MAX_WAIT_MS = 120_000
const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 15_000

/** Transient statuses. A 500 may be caused by the request itself, so it gets a bounded number of attempts. */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504])
const MAX_ATTEMPTS_ON_500 = 3

/** An HTTP client that retries while the server is busy or unreachable, for a bounded time. */
export function createClient(options: ClientOptions) {
  const { key, keyOption = '--key', requestTimeoutMs, maxWaitMs = MAX_WAIT_MS, onWait } = options
  const base = options.url.replace(/\/+$/, '')

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`)
    const signal = AbortSignal.timeout(requestTimeoutMs)
    const response = await fetch(base + path, { ...init, headers, signal })
    if (response.status === 401 || response.status === 403) {
      const rejected = key === undefined ? 'requests without a key' : 'the key'
      const reason = await errorIn(response)
      throw new CliError(`${base} rejects ${rejected}: ${reason}. Pass the right key with ${keyOption}.`)
    }
    return response
  }

  async function attempt<T>(
    path: string,
    init: RequestInit | undefined,
    attempts: number,
  ): Promise<Attempt<T>> {
    try {
      const response = await request(path, init)
      if (response.ok) return { result: { ok: true, body: (await response.json()) as T } }
      const { status } = response
      const reason = await errorIn(response)
      if (!TRANSIENT.has(status) || (status === 500 && attempts >= MAX_ATTEMPTS_ON_500)) {
        return { result: { ok: false, status, reason } }
      }
      return { reason, retryAfterMs: retryAfterIn(response) }
    } catch (error) {
      if (error instanceof CliError) throw error
      return { reason: describeFailure(error) }
    }
  }

  async function callWithRetries<T>(path: string, init?: RequestInit): Promise<CallResult<T>> {
    let waitedMs = 0
    for (let attempts = 1; ; attempts++) {
      const outcome = await attempt<T>(path, init, attempts)
      if ('result' in outcome) return outcome.result
      const delayMs = Math.min(MAX_DELAY_MS, outcome.retryAfterMs ?? FIRST_DELAY_MS * 2 ** (attempts - 1))
      if (waitedMs + delayMs > maxWaitMs) {
        const seconds = Math.round(waitedMs / 1000)
        throw new CliError(`Gave up after waiting ${seconds} s for ${base}: ${outcome.reason}.`)
      }
      onWait?.(delayMs, outcome.reason)
      await sleep(delayMs)
      waitedMs += delayMs
    }
  }

  return {
    /** Checks the address and the key. @throws {CliError} naming the one that is wrong */
    async checkConnection(): Promise<void> {
      let response: Response
      try {
        response = await request('/v1/status')
      } catch (error) {
        if (error instanceof CliError) throw error
        const reason = describeFailure(error)
        throw new CliError(
          `No sidecar answers at ${base} (${reason}). Start it, or pass its address with --url.`,
        )
      }
      const body = (await response.json().catch(() => undefined)) as { service?: unknown } | undefined
      if (body?.service !== 'hippocache') {
        throw new CliError(`${base} answers, but is not a Hippocache sidecar (status ${response.status}).`)
      }
    },

    /** Streams a response body. @throws {CliError} */
    async stream(path: string): Promise<ReadableStream<Uint8Array>> {
      const response = await request(path)
      if (!response.ok || !response.body) throw new CliError(`${base}: ${await errorIn(response)}`)
      return response.body
    },

    /** @throws {CliError} when the server stays unreachable for `maxWaitMs`, or rejects the key */
    async get<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<CallResult<T>> {
      return await callWithRetries<T>(`${path}?${new URLSearchParams(query)}`)
    },

    /**
     * Posts JSON. The request may be sent more than once.
     * @throws {CliError} when the server stays unreachable for `maxWaitMs`, or rejects the key
     */
    async post<T>(path: string, body: unknown, idempotencyKey?: string): Promise<CallResult<T>> {
      return await callWithRetries<T>(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: {
          'content-type': 'application/json',
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
      })
    },
  }
}

export type Client = ReturnType<typeof createClient>

/** `Retry-After` in seconds. The date form is ignored: only proxies send it. */
function retryAfterIn(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

/** The message in an error envelope of the sidecar, or at the top of an error of Dify. */
async function errorIn(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  try {
    const { error, message } = JSON.parse(text)
    return (error?.message ?? message).replace(/\.$/, '')
  } catch {
    return `status ${response.status}`
  }
}

function describeFailure(error: unknown): string {
  const { cause, name, message } = error as Error & { cause?: { code?: string; message?: string } }
  if (name === 'TimeoutError') return 'request timed out'
  return cause?.code ?? cause?.message ?? message
}
