import { randomUUID } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import axios from 'axios'
import { Availability } from './availability.ts'
import { NodeError, readHeader, readResponse, type Target, transportError } from './failure.ts'
import { show } from './text.ts'
import { PLUGIN_VERSION } from './version.ts'

/** Milliseconds from connecting to the last byte of the answer, including a retry. */
export const DEADLINE_MS = {
  /** Recall, cache reads, status. Reads run before the LLM node, so the user waits for them. */
  read: 5_000,
  /** Writes that the sidecar acknowledges immediately. */
  write: 10_000,
  /** Calls that wait for a language model. */
  sync: 60_000,
} as const

/** The provider settings, as Dify passes them with each call. */
export type Credentials = Record<string, unknown>

export interface SidecarRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Relative to the sidecar URL, with a leading slash; segments already escaped. */
  path: string
  query?: Record<string, string | number | undefined>
  body?: object
  /** Default: `read` for GET, else `write`. */
  deadlineMs?: number
  /** Whether a broken connection may be retried although the request may have arrived. Default: unless POST. */
  isRepeatable?: boolean
  /** The same for every attempt of one request. Default: a new one. */
  idempotencyKey?: string
  /** Ends the call: its answer is not needed any more. */
  signal?: AbortSignal | undefined
}

/** One line to the plugin daemon is limited to 5 MB, and JSON inside JSON grows by its escapes. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024
const RETRY_PAUSE_MS = 150

/** The request was not sent: every call can be retried. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])
/** The request may have arrived; typical when the server closed a kept-alive connection. */
const MAYBE_SENT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

const client = axios.create({
  adapter: 'http',
  // The daemon's HTTP_PROXY is for package downloads, and Dify's SSRF proxy refuses private addresses.
  proxy: false,
  // A redirect would send the API key to another host.
  maxRedirects: 0,
  // Tenants share connections: each request carries its own key.
  httpAgent: new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 16 }),
  httpsAgent: new https.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 16 }),
  maxContentLength: MAX_ANSWER_BYTES,
  responseType: 'text',
  // The raw text: `readResponse` reports invalid JSON.
  transformResponse: [(data: unknown) => data],
  transformRequest: [(data: unknown) => data],
  validateStatus: () => true,
  headers: { Accept: 'application/json', 'User-Agent': `hippocache-plugin/${PLUGIN_VERSION}` },
})

const availability = new Availability({
  // The key is not known here. `/readyz` needs none and answers 503 where the backends hang.
  probe: async (base) => {
    const signal = AbortSignal.timeout(DEADLINE_MS.read)
    const { status } = await client.get(`${base}/readyz`, { signal })
    if (status >= 500) throw new Error(`HTTP ${status}`)
  },
})

interface Answered {
  body: Record<string, unknown>
  /** The name of the API key: memories belong to a key and a user. Absent in the answer of an older sidecar. */
  namespace: string | undefined
}

/** Calls the sidecar. Throws `NodeError`, whose message never contains the API key. */
export async function callSidecar(
  credentials: Credentials,
  request: SidecarRequest,
): Promise<Answered & { roundTripMs: number }> {
  const started = performance.now()
  const key = readKey(credentials['api_key'])
  try {
    const answered = await send(readSidecarUrl(credentials['sidecar_url']), key, request)
    return { ...answered, roundTripMs: Math.round((performance.now() - started) * 10) / 10 }
  } catch (error) {
    if (!(error instanceof NodeError) || !key) throw error
    throw new NodeError(error.message.replaceAll(key, '***'), error)
  }
}

async function send(url: URL, key: string | undefined, request: SidecarRequest): Promise<Answered> {
  const { method, body } = request
  const deadlineMs = request.deadlineMs ?? (method === 'GET' ? DEADLINE_MS.read : DEADLINE_MS.write)
  const isRepeatable = request.isRepeatable ?? method !== 'POST'
  const base = baseOf(url)
  const target: Target = {
    base,
    host: url.hostname,
    deadlineMs,
    hasKey: key !== undefined,
    isNamedKey: key?.includes(':') ?? false,
  }
  const headers = {
    ...(key && { Authorization: `Bearer ${key}` }),
    ...(body && { 'Content-Type': 'application/json' }),
    // A retry repeats the key, so that the sidecar can tell it from a second call.
    'Idempotency-Key': request.idempotencyKey ?? randomUUID(),
  }
  // A call that waits for a language model may time out while the sidecar works.
  const isWaiting = deadlineMs > DEADLINE_MS.write
  availability.assertAvailable(base)
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), deadlineMs)
  const signals = [deadline.signal, ...(request.signal ? [request.signal] : [])]
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await client.request<unknown>({
          method,
          url: base + request.path + toQueryString(request.query),
          headers,
          signal: AbortSignal.any(signals),
          ...(body && { data: JSON.stringify(body) }),
        })
        availability.answered(base)
        return {
          body: readResponse(target, response.status, response.headers, response.data),
          namespace: readHeader(response.headers, 'x-hippocache-namespace') || undefined,
        }
      } catch (error) {
        if (error instanceof NodeError) throw error
        const code = deadline.signal.aborted ? 'DEADLINE' : readCode(error)
        if (code === 'DEADLINE' && !isWaiting) availability.timedOut(base)
        const canRetry = NOT_SENT.has(code) || (isRepeatable && MAYBE_SENT.has(code))
        if (attempt > 1 || !canRetry) throw transportError(target, code, error)
        await pause(RETRY_PAUSE_MS)
      }
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Identifies the sidecar and the namespace that credentials address. Throws `NodeError` for invalid ones. */
export function targetOf(credentials: Credentials): string {
  return `${baseOf(readSidecarUrl(credentials['sidecar_url']))} ${readKey(credentials['api_key']) ?? ''}`
}

const baseOf = (url: URL) => url.origin + url.pathname.replace(/\/$/, '')

const EXPECTED_URL = 'an address that starts with http:// or https://, such as http://hippocache:8484'

/**
 * Reads the `sidecar_url` credential. Ignores blanks, trailing slashes and a trailing `/v1`; keeps the path prefix of a
 * reverse proxy.
 */
function readSidecarUrl(given: unknown): URL {
  const text = typeof given === 'string' ? given.trim() : ''
  const fail = (problem: string) => new NodeError(`Sidecar URL: expected ${EXPECTED_URL}${problem}.`)
  if (text === '') throw fail(', got nothing')
  // Not echoed: the part before the @ may be a password.
  if (text.includes('@')) throw fail(', without user name or password; enter the key as API key')
  const url = URL.parse(text)
  if (!url || !/^https?:\/\//i.test(text)) throw fail(`, got ${show(text)}`)
  if (url.search || url.hash) throw fail(`, without ? or #, got ${show(text)}`)
  url.pathname = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '').replace(/\/+$/, '')
  return url
}

function readKey(given: unknown): string | undefined {
  const key = typeof given === 'string' ? given.trim() : ''
  // Header values must be ASCII; the message must not contain the key.
  if (!/^[\x21-\x7e]*$/.test(key))
    throw new NodeError(
      'API key: expected printable ASCII without blanks, got other characters. Paste it again.',
    )
  return key || undefined
}

function toQueryString(query: SidecarRequest['query'] = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value))
  return params.size > 0 ? `?${params}` : ''
}

function readCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
}
