import { z } from 'zod'
import { FrameTooLargeError, InvalidMessageError, type WireError } from './errors.ts'

/**
 * The daemon's scanner takes lines of up to 5,242,879 bytes and kills the process at the next one; the margin
 * leaves room for whatever a later daemon adds on top.
 */
export const MAX_FRAME_BYTES = 5_000_000

/** Daemon to plugin. Chunks of Dify's own API go up to 30 MiB; a request has no limit of its own. */
export const MAX_REQUEST_BYTES = 32 * 1024 * 1024

/** Plugin to daemon: what a session may say. `data` is required in each, also in `end`. */
export type SessionPayload =
  | { type: 'stream'; data: object }
  | { type: 'end'; data: Record<string, never> }
  | { type: 'error'; data: WireError }
  | { type: 'invoke'; data: { type: string; backwards_request_id: string; request: object } }

export type LogLevel = 'debug' | 'info' | 'warning' | 'error'

/** One line from the plugin to the daemon. */
export type Frame =
  | { event: 'heartbeat'; session_id: null; data: Record<string, never> }
  | { event: 'log'; session_id: null; data: { level: LogLevel; message: string; timestamp: number } }
  | { event: 'session'; session_id: string; data: SessionPayload }

export const heartbeatFrame = (): Frame => ({ event: 'heartbeat', session_id: null, data: {} })

/** `timestamp` is in seconds since 1970. */
export const logFrame = (level: LogLevel, message: string, timestamp: number): Frame => ({
  event: 'log',
  session_id: null,
  data: { level, message, timestamp },
})

export const streamFrame = (session_id: string, data: object): Frame => ({
  event: 'session',
  session_id,
  data: { type: 'stream', data },
})

export const errorFrame = (session_id: string, error: WireError): Frame => ({
  event: 'session',
  session_id,
  data: { type: 'error', data: error },
})

export const endFrame = (session_id: string): Frame => ({
  event: 'session',
  session_id,
  data: { type: 'end', data: {} },
})

/** True for the frame that closes its session. */
export const isEnd = (frame: Frame): boolean => frame.event === 'session' && frame.data.type === 'end'

/**
 * One frame as one line without its newline.
 * Throws `InvalidMessageError` for values JSON cannot hold and `FrameTooLargeError` above `maxBytes`.
 */
export function encodeFrame(frame: Frame, maxBytes: number = MAX_FRAME_BYTES): string {
  let line: string
  try {
    line = JSON.stringify(frame)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : 'unknown reason'
    throw new InvalidMessageError(`The message cannot be written as JSON: ${reason}`, { cause })
  }
  const bytes = Buffer.byteLength(line)
  if (bytes > maxBytes) {
    throw new FrameTooLargeError(
      `The message takes ${bytes} bytes as one line; the limit is ${maxBytes}. Send it in parts, or as a blob.`,
      { args: { bytes, limit: maxBytes } },
    )
  }
  return line
}

/** Maps may come as `null` when the caller left them out. */
const map = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => value ?? {})

const optionalText = z
  .string()
  .nullish()
  .transform((value) => value ?? null)

const envelopeIds = {
  session_id: z.string().min(1),
  conversation_id: optionalText,
  message_id: optionalText,
  app_id: optionalText,
  endpoint_id: optionalText,
  context: map,
}

const RequestEnvelope = z.object({
  ...envelopeIds,
  event: z.literal('request'),
  data: z.looseObject({ type: z.string(), action: z.string(), user_id: optionalText }),
})
export type RequestEnvelope = z.infer<typeof RequestEnvelope>

const BackwardsResponse = z.object({
  ...envelopeIds,
  event: z.literal('backwards_response'),
  data: z.object({
    backwards_request_id: z.string(),
    event: z.enum(['response', 'error', 'end']),
    message: optionalText,
    data: z.unknown(),
  }),
})
export type BackwardsResponse = z.infer<typeof BackwardsResponse>

const Incoming = z.discriminatedUnion('event', [RequestEnvelope, BackwardsResponse])

/** What each action carries in `data`, beside `type`, `action` and `user_id`. */
export const InvokeToolRequest = z.object({
  provider: z.string(),
  tool: z.string(),
  credentials: map,
  credential_type: optionalText,
  tool_parameters: map,
})
export const ValidateCredentialsRequest = z.object({ provider: z.string(), credentials: map })
export const RuntimeParametersRequest = z.object({ provider: z.string(), tool: z.string(), credentials: map })
export const FetchOptionsRequest = z.object({
  provider: z.string(),
  provider_action: z.string(),
  parameter: z.string(),
  credentials: map,
  credential_type: optionalText,
})

export type ParsedLine =
  | { kind: 'request'; envelope: RequestEnvelope }
  | { kind: 'backwards_response'; envelope: BackwardsResponse }
  | { kind: 'malformed'; sessionId: string | null; message: string }

/** Reads one line from the daemon. Never throws: what cannot be read says why, and whose it was if known. */
export function parseLine(line: string): ParsedLine {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { kind: 'malformed', sessionId: null, message: 'The line is not JSON' }
  }
  const parsed = Incoming.safeParse(value)
  if (!parsed.success) {
    return { kind: 'malformed', sessionId: sessionIdOf(value), message: explain(parsed.error) }
  }
  const envelope = parsed.data
  return envelope.event === 'request'
    ? { kind: 'request', envelope }
    : { kind: 'backwards_response', envelope }
}

/** "Request field data.tool: expected string, received undefined", for every field that is wrong. */
export function explain(error: z.ZodError, prefix: string[] = []): string {
  return error.issues
    .slice(0, 5)
    .map((issue) => {
      const path = [...prefix, ...issue.path.map(String)].join('.') || '(whole line)'
      return `Request field ${path}: ${issue.message.replace(/^Invalid input: /, '')}`
    })
    .join('; ')
}

function sessionIdOf(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null && 'session_id' in value ? value.session_id : null
  return typeof id === 'string' && id !== '' ? id : null
}
