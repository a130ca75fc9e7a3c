import { randomUUID } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import axios from 'axios'
import { badKey, badUrl, type Failure, fromResponse, fromTransport } from './_failure.ts'
import { readSidecarUrl } from './_url.ts'
import { withoutSecret } from './_words.ts'

/**
 * How long a node may wait for the sidecar, in milliseconds, from the connection's first packet to the answer's
 * last byte, a retry included. Reads stand before the LLM, so the chat's user feels them.
 */
export const DEADLINE_MS = {
  /** Recall, cache reads, status. */
  read: 5_000,
  /** Writes that the sidecar acknowledges at once. */
  write: 10_000,
  /** Add Memory in `sync` mode: the answer waits for a language model. */
  sync: 60_000,
} as const

/** The provider's settings, as Dify hands them over with each call. */
export type Credentials = Record<string, unknown>

export interface SidecarCall {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the sidecar's address, with a leading slash; parts already escaped. */
  path: string
  query?: Record<string, string | number | undefined>
  body?: object
  deadlineMs: number
  /** True when doing it twice is the same as doing it once; then a connection that broke half-way is retried too. */
  repeatable: boolean
}

export type SidecarAnswer =
  | { ok: true; body: Record<string, unknown>; roundTripMs: number }
  | { ok: false; failure: Failure; roundTripMs: number }

/** Largest answer that is read. One protocol line to the daemon ends at 5 MB, and JSON in JSON grows by its escapes. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024
const RETRY_PAUSE_MS = 150

/** The request never left: retrying is safe for every call. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])
/** It may have arrived; typical for a kept-alive connection that the other side closed meanwhile. */
const MAYBE_SENT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

const client = axios.create({
  adapter: 'http',
  // The daemon's HTTP_PROXY is for package downloads, and Dify's SSRF proxy refuses private addresses: the sidecar is
  // a neighbour and is called directly.
  proxy: false,
  // A redirect would carry the key to another host.
  maxRedirects: 0,
  // Connections are shared between tenants and hold nothing of theirs: the key travels with each request.
  httpAgent: new http.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 16 }),
  httpsAgent: new https.Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 16 }),
  maxContentLength: MAX_ANSWER_BYTES,
  responseType: 'text',
  // As it came: what cannot be read as JSON is a finding here, not an exception.
  transformResponse: [(data: unknown) => data],
  transformRequest: [(data: unknown) => data],
  validateStatus: () => true,
  headers: { Accept: 'application/json', 'User-Agent': 'hippocache-plugin/0.1.0' },
})

/** One call to the sidecar. Never throws for anything the network or the sidecar does. */
export async function callSidecar(credentials: Credentials, call: SidecarCall): Promise<SidecarAnswer> {
  const started = performance.now()
  const key = readKey(credentials)
  const answer = await attempt(credentials, key, call)
  const roundTripMs = Math.round((performance.now() - started) * 10) / 10
  if (answer.ok) return { ...answer, roundTripMs }
  const message = withoutSecret(answer.failure.message, key)
  return { ok: false, failure: { ...answer.failure, message }, roundTripMs }
}

type Attempt = { ok: true; body: Record<string, unknown> } | { ok: false; failure: Failure }

async function attempt(
  credentials: Credentials,
  key: string | undefined,
  call: SidecarCall,
): Promise<Attempt> {
  const url = readSidecarUrl(credentials['sidecar_url'])
  if (!url.ok) return { ok: false, failure: badUrl(url.message) }
  if (key && !/^[\x21-\x7e]+$/.test(key)) return { ok: false, failure: badKey() }
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), call.deadlineMs)
  const place = { base: url.base, host: url.host, deadlineMs: call.deadlineMs, keyGiven: Boolean(key) }
  const headers = {
    ...(key && { Authorization: `Bearer ${key}` }),
    ...(call.body && { 'Content-Type': 'application/json' }),
    // The same on a retry, so that the sidecar can tell a repetition from a second call.
    'Idempotency-Key': randomUUID(),
  }
  try {
    for (let tries = 1; ; tries++) {
      try {
        const response = await client.request<unknown>({
          method: call.method,
          url: url.base + call.path + queryString(call.query),
          headers,
          signal: deadline.signal,
          ...(call.body && { data: JSON.stringify(call.body) }),
        })
        return fromResponse(place, response.status, response.headers, response.data)
      } catch (error) {
        const code = deadline.signal.aborted ? 'DEADLINE' : codeOf(error)
        const again = NOT_SENT.has(code) || (call.repeatable && MAYBE_SENT.has(code))
        if (tries > 1 || !again) return { ok: false, failure: fromTransport(place, code, error) }
        await pause(RETRY_PAUSE_MS)
      }
    }
  } finally {
    clearTimeout(timer)
  }
}

function readKey(credentials: Credentials): string | undefined {
  const key = credentials['api_key']
  return typeof key === 'string' && key.trim() !== '' ? key.trim() : undefined
}

function queryString(query: SidecarCall['query'] = {}): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value))
  return given.size > 0 ? `?${given}` : ''
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
}
