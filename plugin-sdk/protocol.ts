import { z } from 'zod'
import { FrameTooLargeError, InvalidMessageError, type WireError } from './errors.ts'

/** The daemon reads lines of up to 5,242,879 bytes and kills the process at a longer one. The rest is a margin. */
export const MAX_FRAME_BYTES = 5_000_000

/** Dify's API sends chunks of up to 30 MiB; the protocol has no limit for requests. */
export const MAX_REQUEST_BYTES = 32 * 1024 * 1024

/** Payload of a session frame. `data` is required in each, also in `end`. */
type SessionPayload =
  | { type: 'stream'; data: object }
  | { type: 'end'; data: Record<string, never> }
  | { type: 'error'; data: WireError }
  | { type: 'invoke'; data: Invocation }

/** A call of the plugin to Dify. */
export interface Invocation {
  type: string
  backwards_request_id: string
  request: object
}

/** One line from the plugin to the daemon. */
export type Frame =
  | { event: 'heartbeat'; session_id: null; data: Record<string, never> }
  | { event: 'session'; session_id: string; data: SessionPayload }

export const heartbeatFrame = (): Frame => ({ event: 'heartbeat', session_id: null, data: {} })

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

export const invokeFrame = (session_id: string, data: Invocation): Frame => ({
  event: 'session',
  session_id,
  data: { type: 'invoke', data },
})

/** True for the last frame of a session. */
export const isEnd = (frame: Frame): boolean => frame.event === 'session' && frame.data.type === 'end'

export type InvokeFrame = Extract<Frame, { event: 'session' }> & { data: { type: 'invoke' } }

/** True for a call of the plugin to Dify. */
export const isInvocation = (frame: Frame): frame is InvokeFrame =>
  frame.event === 'session' && frame.data.type === 'invoke'

/**
 * One frame as one line without its newline.
 * Throws `InvalidMessageError` for values that are not JSON and `FrameTooLargeError` above `maxBytes`.
 */
export function encodeFrame(frame: Frame, maxBytes: number = MAX_FRAME_BYTES): string {
  let line: string
  try {
    line = JSON.stringify(frame)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : 'unknown reason'
    throw new InvalidMessageError(`The message is not serializable as JSON: ${reason}`, { cause })
  }
  const bytes = Buffer.byteLength(line)
  if (bytes > maxBytes) {
    throw new FrameTooLargeError(
      `The message has ${bytes} bytes as JSON; the limit is ${maxBytes}. Split it or send a blob.`,
      { args: { bytes, limit: maxBytes } },
    )
  }
  return line
}

/** An object that the caller may send as null. */
const map = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => value ?? {})

const optionalText = z
  .string()
  .nullish()
  .transform((value) => value ?? null)

const RequestEnvelope = z.object({
  session_id: z.string().min(1),
  conversation_id: optionalText,
  message_id: optionalText,
  app_id: optionalText,
  event: z.literal('request'),
  data: z.looseObject({ type: z.string(), action: z.string(), user_id: optionalText }),
})
export type RequestEnvelope = z.infer<typeof RequestEnvelope>

/** The fields of `data` per action, beside `type`, `action` and `user_id`. */
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

const BackwardsEnvelope = z.object({
  session_id: z.string().min(1),
  event: z.literal('backwards_response'),
  data: z.object({
    backwards_request_id: z.string(),
    /** `end` is always sent, also after `error`. */
    event: z.enum(['response', 'error', 'end']),
    message: optionalText,
    data: z.unknown(),
  }),
})
/** The daemon's answer, or a part of it, to a call of the plugin. */
export type BackwardsAnswer = z.infer<typeof BackwardsEnvelope>['data']

export type ParsedLine =
  | { ok: true; envelope: RequestEnvelope | z.infer<typeof BackwardsEnvelope> }
  | { ok: false; sessionId: string | null; message: string }

/** Parses one line from the daemon. Never throws; a malformed line keeps its session id if it has one. */
export function parseLine(line: string): ParsedLine {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { ok: false, sessionId: null, message: 'The line is not JSON' }
  }
  const isAnswer = (value as { event?: unknown } | null)?.event === 'backwards_response'
  const parsed = (isAnswer ? BackwardsEnvelope : RequestEnvelope).safeParse(value)
  return parsed.success
    ? { ok: true, envelope: parsed.data }
    : { ok: false, sessionId: sessionIdOf(value), message: explain(parsed.error) }
}

/** `Request field data.tool: expected string, received undefined`, for up to five invalid fields. */
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
