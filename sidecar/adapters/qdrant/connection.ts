import { QdrantClient } from '@qdrant/js-client-rest'
import { AppError } from '../../errors.ts'

export interface QdrantAddress {
  /** Origin of the REST interface, `http://qdrant:6333`; a path before the interface's own is kept. */
  url: string
  apiKey?: string | undefined
  /** How long one request may take; no more tries are begun after it, so a call takes at most twice as long. */
  timeoutMs: number
  /** Pause before the second try, milliseconds; the third waits four times as long. @default 50 */
  retryPauseMs?: number | undefined
}

/** What went wrong with a request, and what it says about the write in it. */
export class QdrantFailure extends AppError {
  /** Of the answer; absent where there was none. */
  readonly httpStatus: number | undefined
  /** The server said no: the request has had no effect, and will have none when it is repeated. */
  readonly isRefusal: boolean

  constructor(message: string, httpStatus?: number, cause?: unknown) {
    super('backend_unavailable', message, { cause })
    this.httpStatus = httpStatus
    this.isRefusal =
      httpStatus !== undefined && httpStatus >= 400 && httpStatus < 500 && !isPassing(httpStatus)
  }
}

export interface QdrantLink {
  /** For messages: `qdrant at host:port`. */
  readonly where: string
  /** Runs a request, which must be idempotent: it is sent again while it fails for a reason that may pass. */
  run<T>(request: (client: QdrantClient) => Promise<T>): Promise<T>
}

/** Qdrant's REST port, taken where the address names none, as its own clients do. */
const DEFAULT_PORT = 6333
const MAX_TRIES = 3

export function linkQdrant({ url, apiKey, timeoutMs, retryPauseMs = 50 }: QdrantAddress): QdrantLink {
  const { protocol, hostname, pathname } = new URL(url)
  const port = explicitPort(url) ?? DEFAULT_PORT
  const where = `qdrant at ${hostname}:${port}`
  const client = new QdrantClient({
    host: hostname,
    port,
    https: protocol === 'https:',
    prefix: pathname.replace(/\/+$/, ''),
    timeout: timeoutMs,
    // As a header: given as `apiKey`, the client writes a warning to the console that is no line of our log.
    headers: apiKey ? { 'api-key': apiKey } : {},
    checkCompatibility: false,
  })
  return {
    where,
    async run(request) {
      const end = performance.now() + timeoutMs
      for (let tries = 1; ; tries += 1) {
        try {
          return await request(client)
        } catch (error) {
          const failure = failureOf(error, where, timeoutMs)
          const pause = retryPauseMs * 4 ** (tries - 1) * (0.5 + Math.random())
          const isLast = tries === MAX_TRIES || performance.now() + pause > end
          if (failure.isRefusal || isLast) throw failure
          await new Promise((resolve) => setTimeout(resolve, Math.max(pause, pauseAskedFor(error, end))))
        }
      }
    },
  }
}

/** The port as written; `new URL` drops the scheme's own, which here is not the default. */
function explicitPort(url: string): number | undefined {
  const port = /^https?:\/\/(?:\[[^\]]*\]|[^/:]*):(\d+)/.exec(url)?.[1]
  return port === undefined ? undefined : Number(port)
}

/** A status that may be another one in a moment. */
function isPassing(status: number): boolean {
  return status === 408 || status === 429
}

/** What a busy server asks to be left alone for, milliseconds, as far as there is time. */
function pauseAskedFor(error: unknown, end: number): number {
  const seconds = (error as { retry_after?: unknown }).retry_after
  return typeof seconds === 'number' ? Math.min(seconds * 1000, Math.max(0, end - performance.now())) : 0
}

interface HttpFailure {
  status?: unknown
  data?: { status?: { error?: unknown } }
}

function failureOf(error: unknown, where: string, timeoutMs: number): QdrantFailure {
  if (error instanceof QdrantFailure) return error
  const { name, message, cause } = error as Error
  const { status, data } = error as HttpFailure
  if (name === 'QdrantClientTimeoutError') {
    return new QdrantFailure(`${where}: no answer in ${timeoutMs} ms`)
  }
  if (name === 'QdrantClientResourceExhaustedError') return new QdrantFailure(`${where}: too busy (429)`, 429)
  if (typeof status !== 'number') {
    // `fetch failed` says nothing; the reason is its cause, or the parts of it where several addresses were tried.
    const reason = cause instanceof AggregateError ? cause.errors[0] : cause
    const words = reason instanceof Error ? reason.message : isNoJson(error) ? NO_QDRANT : message
    return new QdrantFailure(`${where}: ${words}`, undefined, error)
  }
  const said = data?.status?.error
  // Without what is quoted: there the server repeats what it was sent.
  const words = typeof said === 'string' ? said.replace(/"(?:[^"\\]|\\.)*"/g, '"…"').slice(0, 300) : undefined
  if (status === 401 || status === 403) {
    return new QdrantFailure(`${where}: the key was refused (${status}); set QDRANT_API_KEY`, status)
  }
  if (status === 429) return new QdrantFailure(`${where}: too busy (429)`, status)
  const why = words ?? (status < 500 ? NO_QDRANT : 'no reason given')
  return new QdrantFailure(`${where}: ${why} (${status})`, status)
}

const NO_QDRANT = 'what answers there is no Qdrant; set QDRANT_URL to the address of its REST interface'

/** Answers that are not Qdrant's: no JSON where the client expects it, or JSON without a result. */
function isNoJson(error: unknown): boolean {
  return error instanceof SyntaxError || (error as Error).message === 'Result came uninitialized'
}
