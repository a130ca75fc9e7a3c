/** Stable error codes of the HTTP API and their status codes. */
const STATUS_OF = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  quota_exceeded: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  too_many_pending: 429,
  too_many_requests: 429,
  too_many_attempts: 429,
  client_disconnected: 499,
  internal: 500,
  backend_unavailable: 503,
  overloaded: 503,
} as const

type ErrorCode = keyof typeof STATUS_OF

/** One invalid field of a request. */
export interface Problem {
  field: string
  message: string
  received?: string
}

/** An error whose message is sent to the client. Any other error becomes `internal`, and only the log has its details. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: readonly Problem[] | undefined
  /** Seconds until a retry may succeed. */
  readonly retryAfterS: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: readonly Problem[]; retryAfterS?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details
    this.retryAfterS = options.retryAfterS
  }

  get status(): (typeof STATUS_OF)[ErrorCode] {
    return STATUS_OF[this.code]
  }
}

/** Ends the work of a request whose client has disconnected. Only the metrics see its status. */
export class ClientDisconnected extends AppError {
  constructor() {
    super('client_disconnected', 'The client disconnected before it was answered.')
  }
}

/** @throws {AppError} that of the reading, else `backend_unavailable` */
export async function orUnavailable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('backend_unavailable', 'The record store did not respond. Retry later.', { cause })
  }
}

/** An invalid field: `field: expected X, got Y`. */
export function invalid(field: string, expected: string, received?: unknown): AppError {
  const message = `expected ${expected}`
  if (received === undefined) {
    return new AppError('invalid_request', `${field}: ${message}`, { details: [{ field, message }] })
  }
  const got = describe(received)
  return new AppError('invalid_request', `${field}: ${message}, got ${got}`, {
    details: [{ field, message, received: got }],
  })
}

/** Formats a value for an error message: short and on one line. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return clip(JSON.stringify(value))
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (value !== null && typeof value === 'object') return 'an object'
  return clip(String(value))
}

/** Truncates text for an error message. */
export function clip(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`
}
