import { show } from './text.ts'

/** A failure that a node reports in its `error` output. Its message is written for the author of the workflow. */
export class NodeError extends Error {
  override name = 'NodeError'
  /** The sidecar has no resource with this id. */
  readonly isNotFound: boolean
  /** The sidecar, or a proxy in front of it, rejects a request of this size. */
  readonly isTooLarge: boolean
  /** The sidecar was not reached, or cannot take the request now: the same call may succeed later. */
  readonly isAway: boolean
  /** The sidecar itself found the request invalid: the same call fails again. */
  readonly isInvalid: boolean

  constructor(
    message: string,
    { isNotFound = false, isTooLarge = false, isAway = false, isInvalid = false } = {},
  ) {
    super(message)
    this.isInvalid = isInvalid
    this.isNotFound = isNotFound
    this.isTooLarge = isTooLarge
    this.isAway = isAway
  }
}

/** For `.catch`: a missing resource becomes undefined, every other error is thrown again. */
export function undefinedIfNotFound(error: unknown): undefined {
  if (!(error instanceof NodeError && error.isNotFound)) throw error
}

/** Where a call went; contains no secret. */
export interface Target {
  base: string
  host: string
  deadlineMs: number
  hasKey: boolean
  /** Whether the key looks like an entry of API_KEYS, `name:key`. */
  isNamedKey: boolean
}

const AWAY = { isAway: true }

/** The error for a call without an answer. `code` is Node's error code, or `DEADLINE`. */
export function transportError(target: Target, code: string, error: unknown): NodeError {
  const sidecar = `the Hippocache sidecar at ${target.base}`
  const hint = loopbackHint(target.host)
  if (code === 'DEADLINE' || code === 'ETIMEDOUT')
    return new NodeError(
      `No answer from ${sidecar} within ${target.deadlineMs / 1000} s. Is it running, and can Dify's plugin daemon reach it?${hint}`,
      AWAY,
    )
  if (code === 'ECONNREFUSED')
    return new NodeError(
      `Cannot reach ${sidecar}: the connection was refused. Is it running, and is the port right?${hint}`,
      AWAY,
    )
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new NodeError(
      `Cannot reach ${sidecar}: Dify's plugin daemon cannot resolve the host ${show(target.host)}. Are both on the same Docker network?`,
      AWAY,
    )
  if (/CERT|TLS|SSL|SELF_SIGNED|ISSUER|^EPROTO$/.test(code))
    return new NodeError(
      `Cannot reach ${sidecar}: no secure connection (${code}). Is its certificate valid, or should the address start with http://?`,
    )
  if (code.startsWith('HPE_')) return notHippocache(target, `It does not speak HTTP (${code}).`)
  if (error instanceof Error && error.message.includes('maxContentLength'))
    return new NodeError(`The answer of ${sidecar} is too large. Request less.`)
  const mayBeTls = code === 'ECONNRESET' && target.base.startsWith('http:')
  const tlsHint = mayBeTls ? ' If it uses TLS, the address must start with https://.' : ''
  return new NodeError(`Cannot reach ${sidecar}: the connection failed (${code}).${tlsHint}${hint}`, AWAY)
}

/** Returns the JSON object of a successful answer. Throws `NodeError` for an error, or an answer of another server. */
export function readResponse(
  target: Target,
  status: number,
  headers: object,
  data: unknown,
): Record<string, unknown> {
  const body = parseObject(data)
  const error = readEnvelope(body)
  if (error) throw sidecarError(target, status, error)
  if (body && status >= 200 && status < 300) return body
  const type = readHeader(headers, 'content-type').split(';')[0] || 'no content type'
  const answer = `HTTP ${status}, ${type}`
  if (status >= 300 && status < 400) {
    const location = URL.parse(readHeader(headers, 'location'), target.base)?.origin
    throw notHippocache(
      target,
      `It redirects${location ? ` to ${location}` : ''} (${answer}). Enter the final address.`,
    )
  }
  if (status === 401 || status === 407)
    throw new NodeError(
      `A proxy or login page at ${target.base} refused access before the request reached the sidecar (${answer}).`,
    )
  if (status >= 502 && status <= 504)
    throw new NodeError(
      `A proxy at ${target.base} cannot reach the Hippocache sidecar behind it (${answer}). Is the sidecar running?`,
      AWAY,
    )
  if (status === 413) {
    throw new NodeError(`A proxy at ${target.base} refuses a request of this size (${answer}).`, {
      isTooLarge: true,
    })
  }
  throw notHippocache(target, `It answered ${answer}. Check host, port and path.`)
}

function sidecarError(
  { base, hasKey, isNamedKey }: Target,
  status: number,
  { code, message }: { code: string; message: string },
): NodeError {
  const short = message.length > 300 ? `${message.slice(0, 299)}…` : message
  const says = `The sidecar says: ${short} (${code}, HTTP ${status})`
  if (status === 401)
    return new NodeError(
      hasKey
        ? `The Hippocache sidecar at ${base} does not accept this API key. ${
            isNamedKey
              ? 'It contains a colon: of an entry name:key in API_KEYS, enter only the part after the colon.'
              : "Compare it with the sidecar's API_KEYS."
          }`
        : `The Hippocache sidecar at ${base} needs an API key, and none is set in the plugin's authorization.`,
    )
  // The sidecar uses one code for an unknown path and for an unknown id.
  if (status === 404 && /\bpath\b/.test(message))
    return new NodeError(
      `${says}. If the plugin and the sidecar have different versions, update the older one.`,
    )
  if (status === 404) return new NodeError(says, { isNotFound: true })
  if (status >= 502)
    return new NodeError(`The Hippocache sidecar at ${base} is up but not ready. ${says}`, AWAY)
  return new NodeError(says, {
    isTooLarge: status === 413,
    isAway: status === 429,
    isInvalid: [400, 413, 422].includes(status),
  })
}

function notHippocache({ base }: Target, reason: string): NodeError {
  return new NodeError(`The server at ${base} is not a Hippocache sidecar. ${reason}`)
}

function loopbackHint(host: string): string {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/i.test(host)
    ? ` Inside Dify's containers ${host} is the container itself: use the sidecar's service name (http://hippocache:8484) or http://host.docker.internal:8484.`
    : ''
}

function parseObject(data: unknown): Record<string, unknown> | undefined {
  try {
    const value: unknown = typeof data === 'string' ? JSON.parse(data) : data
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The sidecar's error envelope: `{ error: { code, message } }`. */
function readEnvelope(
  body: Record<string, unknown> | undefined,
): { code: string; message: string } | undefined {
  const error = body?.['error']
  if (!isObject(error)) return undefined
  const { code, message } = error
  return typeof code === 'string' && typeof message === 'string' ? { code, message } : undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function readHeader(headers: object, name: string): string {
  const value = (headers as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : ''
}
