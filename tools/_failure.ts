import { isLoopback } from './_url.ts'
import { show } from './_words.ts'

/** Why there is no answer from the sidecar, with a sentence for whoever builds the workflow. */
export interface Failure {
  kind:
    | 'url' // the address cannot be used
    | 'unreachable' // refused, unknown host, network trouble
    | 'timeout'
    | 'tls'
    | 'foreign' // something answers, and it is no Hippocache sidecar
    | 'unauthorized' // key missing or wrong
    | 'forbidden'
    | 'rejected' // the sidecar names a fault of the request
    | 'absent' // the sidecar has nothing under this id
    | 'unavailable' // the sidecar, or one of its backends, is not ready
    | 'internal'
    | 'garbled' // the sidecar answered what this version of the plugin cannot read
  message: string
}

/** Where the call went; nothing in here is secret. */
export interface Place {
  base: string
  host: string
  deadlineMs: number
  keyGiven: boolean
}

type Read = { ok: true; body: Record<string, unknown> } | { ok: false; failure: Failure }

export const badUrl = (message: string): Failure => ({ kind: 'url', message })

export const badKey = (): Failure => ({
  kind: 'unauthorized',
  message: 'API key: expected printable ASCII without blanks, but it has other characters. Paste it again.',
})

/** A call that got no answer. `code` is Node's error code, or `DEADLINE`. */
export function fromTransport(place: Place, code: string, error: unknown): Failure {
  const at = `the Hippocache sidecar at ${place.base}`
  const hint = hostHint(place.host)
  if (code === 'DEADLINE' || code === 'ETIMEDOUT')
    return fail(
      'timeout',
      `No answer from ${at} within ${place.deadlineMs / 1000} s. Is it running, and can it be reached from Dify's plugin daemon?${hint}`,
    )
  if (code === 'ECONNREFUSED')
    return fail(
      'unreachable',
      `Cannot reach ${at}: the connection was refused. Is it running, and is the port right?${hint}`,
    )
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return fail(
      'unreachable',
      `Cannot reach ${at}: the host ${show(place.host)} is not known where Dify's plugin daemon runs. Are both on the same Docker network?`,
    )
  if (/CERT|TLS|SSL|SELF_SIGNED|ISSUER|^EPROTO$/.test(code))
    return fail(
      'tls',
      `Cannot reach ${at}: no secure connection (${code}). Is its certificate valid, or should the address start with http://?`,
    )
  if (code.startsWith('HPE_')) return fail('foreign', `${notOurs(place)} It does not speak HTTP (${code}).`)
  if (error instanceof Error && error.message.includes('maxContentLength'))
    return fail('garbled', `The answer of ${at} is too large. Ask for less.`)
  const scheme = code === 'ECONNRESET' && place.base.startsWith('http:')
  const secure = scheme ? ' If it is served over TLS, the address starts with https://.' : ''
  return fail('unreachable', `Cannot reach ${at}: the connection failed (${code}).${secure}${hint}`)
}

/** Sorts an HTTP answer: the sidecar's JSON, the sidecar's error envelope, or somebody else's page. */
export function fromResponse(place: Place, status: number, headers: object, data: unknown): Read {
  const body = parseObject(data)
  const error = envelope(body)
  if (error) return { ok: false, failure: fromEnvelope(place, status, error) }
  if (body && status >= 200 && status < 300) return { ok: true, body }
  const type = header(headers, 'content-type').split(';')[0] || 'no content type'
  const seen = `HTTP ${status}, ${type}`
  if (status >= 300 && status < 400) {
    const target = URL.parse(header(headers, 'location'), place.base)?.origin
    return bad(
      'foreign',
      `${notOurs(place)} It redirects${target ? ` to ${target}` : ''} (${seen}). Enter the final address.`,
    )
  }
  if (status === 401 || status === 407)
    return bad(
      'unauthorized',
      `Access to ${place.base} was refused before the sidecar was reached (${seen}). Something in front of it asks for a login.`,
    )
  if (status >= 502 && status <= 504)
    return bad(
      'unavailable',
      `A proxy answers at ${place.base}, but not the Hippocache sidecar behind it (${seen}). Is the sidecar running?`,
    )
  return bad('foreign', `${notOurs(place)} It answered ${seen}. Check host, port and path.`)
}

function fromEnvelope(
  place: Place,
  status: number,
  { code, message }: { code: string; message: string },
): Failure {
  const says = `The sidecar says: ${clip(message)} (${code}, HTTP ${status})`
  if (status === 401)
    return place.keyGiven
      ? fail(
          'unauthorized',
          `The Hippocache sidecar at ${place.base} does not accept this API key. Compare it with the sidecar's API_KEYS.`,
        )
      : fail(
          'unauthorized',
          `The Hippocache sidecar at ${place.base} needs an API key, and none is set in the plugin's authorization.`,
        )
  if (status === 403) return fail('forbidden', says)
  if (status === 404 && message.startsWith('no such path'))
    return fail(
      'rejected',
      `${says}. If the plugin and the sidecar have different versions, update the older one.`,
    )
  if (status === 404) return fail('absent', says)
  if (status >= 502)
    return fail('unavailable', `The Hippocache sidecar at ${place.base} is up but not ready. ${says}`)
  return fail(status >= 500 ? 'internal' : 'rejected', says)
}

const notOurs = (place: Place) => `Something answers at ${place.base}, but it is not a Hippocache sidecar.`

function hostHint(host: string): string {
  return isLoopback(host)
    ? ` Inside Dify's containers ${host} is the container itself: use the sidecar's service name (http://hippocache:8484) or http://host.docker.internal:8484.`
    : ''
}

const fail = (kind: Failure['kind'], message: string): Failure => ({ kind, message })
const bad = (kind: Failure['kind'], message: string): Read => ({ ok: false, failure: { kind, message } })

function parseObject(data: unknown): Record<string, unknown> | undefined {
  try {
    const value: unknown = typeof data === 'string' ? JSON.parse(data) : data
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function envelope(body: Record<string, unknown> | undefined): { code: string; message: string } | undefined {
  const error = body?.['error']
  if (!isObject(error)) return undefined
  const { code, message } = error
  return typeof code === 'string' && typeof message === 'string' ? { code, message } : undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function header(headers: object, name: string): string {
  const value = (headers as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : ''
}

const clip = (text: string) => (text.length > 300 ? `${text.slice(0, 299)}…` : text)
