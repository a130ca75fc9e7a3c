import { setTimeout as sleep } from 'node:timers/promises'
import { QdrantClient } from '@qdrant/js-client-rest'
import { AppError } from '../../ports/errors.ts'

export interface QdrantAddress {
  /** Address of the REST interface, with an optional path. */
  url: string
  apiKey?: string | undefined
  /** Timeout of one request. No retry starts after it, so a call takes at most twice as long. */
  timeoutMs: number
  /** Delay before the first retry, milliseconds; the second delay is four times as long. @default 50 */
  retryDelayMs?: number | undefined
}

/** A failed request. */
export class QdrantFailure extends AppError {
  /** Absent without a response. */
  readonly httpStatus: number | undefined
  /** The server rejected the request: it had no effect, and repeating it does not help. */
  readonly isRejection: boolean

  constructor(message: string, httpStatus?: number, cause?: unknown) {
    super('backend_unavailable', message, { cause })
    this.httpStatus = httpStatus
    this.isRejection =
      httpStatus !== undefined && httpStatus >= 400 && httpStatus < 500 && ![408, 429].includes(httpStatus)
  }
}

export type QdrantConnection = ReturnType<typeof connectQdrant>

const DEFAULT_PORT = 6333
const MAX_ATTEMPTS = 3

export function connectQdrant({ url, apiKey, timeoutMs, retryDelayMs = 50 }: QdrantAddress) {
  const { protocol, hostname, pathname } = new URL(url)
  // `URL.port` is empty for the default port of the scheme, which differs from Qdrant's.
  const port = Number(/^https?:\/\/(?:\[[^\]]*\]|[^/:]*):(\d+)/.exec(url)?.[1] ?? DEFAULT_PORT)
  const where = `qdrant at ${hostname}:${port}`
  const client = new QdrantClient({
    host: hostname,
    port,
    https: protocol === 'https:',
    prefix: pathname.replace(/\/+$/, ''),
    timeout: timeoutMs,
    headers: {
      // Compressed answers are sent in small pieces, which Nagle's algorithm and delayed ACK stall for 40 ms.
      'accept-encoding': 'identity',
      // As a header, because the client's `apiKey` option prints a warning.
      ...(apiKey && { 'api-key': apiKey }),
    },
    checkCompatibility: false,
  })
  return {
    /** For messages. */
    where,
    /** Runs a request and retries transient failures. The request must be idempotent. */
    async run<T>(request: (client: QdrantClient) => Promise<T>): Promise<T> {
      const end = performance.now() + timeoutMs
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await request(client)
        } catch (error) {
          const failure = failureOf(error, where, timeoutMs)
          const delay = retryDelayMs * 4 ** (attempt - 1) * (0.5 + Math.random())
          if (failure.isRejection || attempt === MAX_ATTEMPTS || performance.now() + delay > end)
            throw failure
          await sleep(Math.max(delay, requestedDelay(error, end)))
        }
      }
    },
  }
}

/** The delay that a busy server requests, milliseconds, limited by the time left. */
function requestedDelay(error: unknown, end: number): number {
  const seconds = (error as { retry_after?: unknown }).retry_after
  return typeof seconds === 'number' ? Math.min(seconds * 1000, Math.max(0, end - performance.now())) : 0
}

function failureOf(error: unknown, where: string, timeoutMs: number): QdrantFailure {
  if (error instanceof QdrantFailure) return error
  const { name, message, cause } = error as Error
  const { status, data } = error as { status?: unknown; data?: { status?: { error?: unknown } } }
  if (name === 'QdrantClientTimeoutError') {
    return new QdrantFailure(`${where}: no response within ${timeoutMs} ms`)
  }
  if (name === 'QdrantClientResourceExhaustedError' || status === 429) {
    return new QdrantFailure(`${where}: too busy (429)`, 429)
  }
  if (typeof status !== 'number') {
    // The reason of `fetch failed` is its cause, or the parts of it if several addresses were tried.
    const reason = cause instanceof AggregateError ? cause.errors[0] : cause
    // The response is not JSON, or is JSON without a result.
    const isForeign = error instanceof SyntaxError || message === 'Result came uninitialized'
    const detail = reason instanceof Error ? reason.message : isForeign ? NOT_QDRANT : message
    return new QdrantFailure(`${where}: ${detail}`, undefined, error)
  }
  if (status === 401 || status === 403) {
    return new QdrantFailure(`${where}: the API key was rejected (${status}); set QDRANT_API_KEY`, status)
  }
  const text = data?.status?.error
  const fallback = status < 500 ? NOT_QDRANT : 'unknown error'
  // Without quoted parts, in which the server repeats the request.
  const why = typeof text === 'string' ? text.replace(/"(?:[^"\\]|\\.)*"/g, '"…"').slice(0, 300) : fallback
  return new QdrantFailure(`${where}: ${why} (${status})`, status)
}

const NOT_QDRANT = 'the server is not Qdrant; set QDRANT_URL to the address of its REST interface'

type ScrollRequest = NonNullable<Parameters<QdrantClient['scroll']>[1]>

/** All points that match. */
export async function scrollPoints(connection: QdrantConnection, name: string, request: ScrollRequest) {
  return (await Array.fromAsync(scrollPages(connection, name, request))).flat()
}

/** The points that match, in pages of `limit`. */
export async function* scrollPages(
  connection: QdrantConnection,
  name: string,
  request: ScrollRequest,
): AsyncGenerator<ScrolledPoint[]> {
  let offset: string | undefined
  do {
    const page = await connection.run((client) =>
      client.scroll(name, { ...request, ...(offset === undefined ? {} : { offset }) }),
    )
    yield page.points.map(({ id, payload, vector }) => ({ id: String(id), payload, vector }))
    offset = typeof page.next_page_offset === 'string' ? page.next_page_offset : undefined
  } while (offset !== undefined)
}

export interface ScrolledPoint {
  id: string
  payload: unknown
  vector: unknown
}
