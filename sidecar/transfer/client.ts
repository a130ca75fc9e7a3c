import { setTimeout as sleep } from 'node:timers/promises'

/** The command cannot go on; the message is for who started it. */
export class CannotGoOn extends Error {
  override readonly name = 'CannotGoOn'
}

export interface ClientOptions {
  url: string
  key: string | undefined
  /** Longest time for one answer, milliseconds. */
  deadlineMs: number
  /** How long a sidecar that is away or busy is waited for, in all of one call, milliseconds. */
  patienceMs?: number
  /** Told before each wait. */
  onWait?: (milliseconds: number, reason: string) => void
  signal?: AbortSignal | undefined
}

/** What became of a call: the answer, or why the sidecar refuses this request and would refuse it again. */
export type Called<T> = { ok: true; body: T } | { ok: false; status: number; reason: string }

const PATIENCE_MS = 120_000
const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 15_000

/** Answers that a later try may not get; 500 is tried twice more only, since it may be the request's doing. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])
const TRIES_OF_500 = 3

/** A client of the sidecar that waits for it while it is busy or away, for a bounded time. */
export function createClient(options: ClientOptions) {
  const { key, deadlineMs, patienceMs = PATIENCE_MS, onWait, signal } = options
  const base = options.url.replace(/\/+$/, '')
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }

  async function request(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const deadline = AbortSignal.timeout(deadlineMs)
    const response = await fetch(base + path, {
      method,
      ...init,
      headers: { ...headers, ...(init.headers as Record<string, string>) },
      signal: signal ? AbortSignal.any([deadline, signal]) : deadline,
    })
    if (response.status === 401 || response.status === 403) {
      throw new CannotGoOn(
        `${base} refuses ${key === undefined ? 'calls without a key' : 'the key'}: ${await reasonOf(response)}`,
      )
    }
    return response
  }

  return {
    /** Checks address and key. @throws {CannotGoOn} saying which of them is wrong */
    async greet(): Promise<void> {
      let response: Response
      try {
        response = await request('GET', '/v1/status')
      } catch (error) {
        if (error instanceof CannotGoOn)
          throw new CannotGoOn(`${error.message}. Give the right one with --key.`)
        throw new CannotGoOn(
          `No sidecar answers at ${base} (${reasonFor(error)}). Start it, or give its address with --url.`,
        )
      }
      const body = (await response.json().catch(() => undefined)) as { service?: unknown } | undefined
      if (body?.service !== 'hippocache') {
        throw new CannotGoOn(`${base} answers, but is no Hippocache sidecar (status ${response.status}).`)
      }
    },

    /** An answer that is read as it comes. @throws {CannotGoOn} */
    async stream(path: string): Promise<ReadableStream<Uint8Array>> {
      const response = await request('GET', path)
      if (!response.ok || !response.body) throw new CannotGoOn(`${base}: ${await reasonOf(response)}`)
      return response.body
    },

    /**
     * Posts JSON. The same call may be sent more than once.
     * @throws {CannotGoOn} when the sidecar stays away, or refuses the key
     */
    async post<T>(path: string, body: unknown, idempotencyKey?: string): Promise<Called<T>> {
      const init: RequestInit = {
        body: JSON.stringify(body),
        headers: {
          'content-type': 'application/json',
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
      }
      let waited = 0
      let wait = FIRST_WAIT_MS
      for (let tries = 1; ; tries++) {
        const { called, reason, retryAfterMs } = await attempt<T>(path, init, tries)
        if (called) return called
        const pause = Math.min(MAX_WAIT_MS, retryAfterMs ?? wait)
        if (waited + pause > patienceMs) {
          throw new CannotGoOn(
            `Gave up after ${Math.round(waited / 1000)} s of waiting for ${base}: ${reason}.`,
          )
        }
        onWait?.(pause, reason)
        await sleep(pause, undefined, signal ? { signal } : {})
        waited += pause
        wait *= 2
      }
    },
  }

  async function attempt<T>(path: string, init: RequestInit, tries: number) {
    try {
      const response = await request('POST', path, init)
      if (response.ok)
        return { called: { ok: true as const, body: (await response.json()) as T }, reason: '' }
      const { status } = response
      const reason = await reasonOf(response)
      if (!PASSING.has(status) || (status === 500 && tries >= TRIES_OF_500)) {
        return { called: { ok: false as const, status, reason }, reason }
      }
      return { reason, retryAfterMs: retryAfter(response) }
    } catch (error) {
      if (error instanceof CannotGoOn || signal?.aborted) throw error
      return { reason: reasonFor(error) }
    }
  }
}

export type Client = ReturnType<typeof createClient>

/** Seconds; the other form, a date, is of proxies and as good as none. */
function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  try {
    const { error } = JSON.parse(text) as { error: { message: string } }
    return error.message
  } catch {
    return `status ${response.status}`
  }
}

function reasonFor(error: unknown): string {
  const { cause, name, message } = error as Error & { cause?: { code?: string; message?: string } }
  if (name === 'TimeoutError') return 'no answer in time'
  return cause?.code ?? cause?.message ?? message
}
