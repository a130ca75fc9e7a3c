/** A request failed. `code` is that of the API, or `offline`. */
export class ApiError extends Error {
  /** @param {string} code @param {string} message @param {number} status */
  constructor(code, message, status) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** Milliseconds; longer than any deadline of the sidecar. */
const DEADLINE_MS = 60_000

/** Called when the session has ended. */
let onSignedOut = () => {}

/** @param {() => void} listener */
export function whenSignedOut(listener) {
  onSignedOut = listener
}

/**
 * @param {string} method
 * @param {string} path with its query
 * @param {any} [body] sent as JSON
 * @param {{ accept?: number[] }} [options] statuses besides 2xx whose body is an answer
 * @returns {Promise<any>}
 */
export async function call(method, path, body, { accept = [] } = {}) {
  /** @type {Record<string, string>} */
  const headers = { 'x-hippocache-dashboard': '1' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const init = { method, headers, signal: AbortSignal.timeout(DEADLINE_MS) }
  const response = await fetch(
    path,
    body === undefined ? init : { ...init, body: JSON.stringify(body) },
  ).catch((error) => {
    throw new ApiError('offline', String(error.message), 0)
  })
  const answer = await response.json().catch(() => ({}))
  if (response.ok || accept.includes(response.status)) return answer
  const { code = 'internal', message = response.statusText } = answer.error ?? {}
  if (response.status === 401 && path.startsWith('/v1/')) onSignedOut()
  throw new ApiError(code, message, response.status)
}

/** @param {string} path @param {Record<string, any>} [query] absent values are left out */
export function get(path, query = {}) {
  return call('GET', withQuery(path, query))
}

/** @param {string} path @param {Record<string, any>} query */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  )
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString()
  return text === '' ? path : `${path}?${text}`
}
