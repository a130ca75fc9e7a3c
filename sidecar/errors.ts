/** Stable error codes of the HTTP API with the status each is answered with. */
export const STATUS_OF = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  too_many_pending: 429,
  internal: 500,
  backend_unavailable: 503,
} as const

export type ErrorCode = keyof typeof STATUS_OF

/** One thing wrong with a request: where, what was expected, what came. */
export interface Problem {
  field: string
  message: string
  received?: string
}

/**
 * A failure that the caller may be told about. Anything else that is thrown is answered as `internal`
 * with no message of its own, and goes to the log in full.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: readonly Problem[] | undefined
  /** Seconds after which the same request may fare better. */
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

/** The caller's fault in one field: `field: expected …, got …`. */
export function invalid(field: string, expected: string, received?: unknown): AppError {
  const came = received === undefined ? '' : `, got ${describe(received)}`
  return new AppError('invalid_request', `${field}: expected ${expected}${came}`, {
    details: [
      {
        field,
        message: `expected ${expected}`,
        ...(received === undefined ? {} : { received: describe(received) }),
      },
    ],
  })
}

/** A value as it may appear in an error: short, on one line, its kind visible. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return clip(JSON.stringify(value))
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (value !== null && typeof value === 'object') return 'an object'
  return clip(String(value))
}

/** A text short enough for an error. */
export function clip(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`
}
