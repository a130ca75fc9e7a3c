/** Handles the lines of a plugin like the daemon. */
import type { Invocation } from '../../../../plugin-sdk/protocol.ts'

export interface Chunk {
  type?: string
  message?: Record<string, unknown> | null
  meta?: Record<string, unknown> | null
  [field: string]: unknown
}

export interface SessionResult {
  /** Chunks the caller received. */
  chunks: Chunk[]
  /** The error the caller received, or null. */
  error: { error_type: string; message: string; args: Record<string, unknown> } | null
  /** The inner type of every received session frame, including those after the end. */
  frames: string[]
}

interface OpenSession extends SessionResult {
  tool: boolean
  closed: boolean
  resolve(result: SessionResult): void
}

const TOOL_MESSAGES = [
  ...['text', 'json', 'link', 'image', 'image_link', 'binary_link', 'blob', 'blob_chunk'],
  ...['variable', 'log', 'retriever_resources', 'file'],
]
const OUTER_EVENTS = ['heartbeat', 'log', 'session', 'error']

export interface SessionRouter {
  /** Handles one line from the plugin. */
  take(line: string): void
  /**
   * Listens for a session. A real daemon answers its caller at the `error`; here the result waits for the `end`, so that
   * tests see the whole session.
   */
  open(sessionId: string, options?: { tool?: boolean }): Promise<SessionResult>
  readonly heartbeats: number
  /** Dropped lines and ignored errors, which the daemon only logs. */
  readonly problems: string[]
  onHeartbeat: () => void
  /** Receives each call of the plugin to Dify; see `connectDify`. */
  onInvoke: (sessionId: string, invocation: Invocation) => void
}

export function createSessionRouter(): SessionRouter {
  const sessions = new Map<string, OpenSession>()
  const problems: string[] = []
  let heartbeats = 0

  const router: SessionRouter = {
    problems,
    onHeartbeat: () => {},
    onInvoke: (sessionId) => void problems.push(`call to Dify without Dify: ${sessionId}`),
    get heartbeats() {
      return heartbeats
    },
    open(sessionId, { tool = true } = {}) {
      if (sessions.has(sessionId)) throw new Error(`The test uses session ${sessionId} twice`)
      return new Promise((resolve) => {
        sessions.set(sessionId, { chunks: [], error: null, frames: [], tool, closed: false, resolve })
      })
    },
    take(line) {
      const event = parse(line)
      if (!isObject(event)) return void problems.push(`not a JSON object: ${line.slice(0, 80)}`)
      const name = event['event']
      if (typeof name !== 'string' || !OUTER_EVENTS.includes(name)) {
        problems.push(`unknown event: ${String(name)}`)
      } else if (name === 'heartbeat') {
        heartbeats += 1
        router.onHeartbeat()
      } else if (name === 'error') {
        problems.push(`outer error: ${JSON.stringify(event['data'])}`)
      } else if (name === 'session') {
        const id = String(event['session_id'])
        const session = sessions.get(id)
        const invocation = invocationIn(event['data'])
        if (!session) problems.push(`unknown session: ${id}`)
        else if (invocation && !session.closed) router.onInvoke(id, invocation)
        else takeSession(session, event['data'], problems)
      }
    },
  }
  return router
}

function takeSession(session: OpenSession, payload: unknown, problems: string[]): void {
  if (!isObject(payload) || typeof payload['type'] !== 'string' || !('data' in payload)) {
    return void problems.push(`session frame without type or data: ${JSON.stringify(payload)}`)
  }
  const { type, data } = payload
  session.frames.push(type as string)
  if (type === 'end') session.resolve(session)
  if (session.closed) return
  const close = (error: SessionResult['error']) => {
    session.closed = true
    session.error = error
  }
  if (type === 'end') close(null)
  else if (type === 'error') {
    if (isError(data)) close({ ...data, args: data.args ?? {} })
    else problems.push(`error ignored: ${JSON.stringify(data)}`)
  } else if (type === 'stream') {
    if (session.tool && !isToolMessage(data)) {
      close({ error_type: 'unmarshal_error', message: JSON.stringify(data), args: {} })
    } else session.chunks.push(data as Chunk)
  } else problems.push(`unknown session frame: ${String(type)}`)
}

/** The daemon needs all three fields. */
function invocationIn(payload: unknown): Invocation | undefined {
  if (!isObject(payload) || payload['type'] !== 'invoke' || !isObject(payload['data'])) return undefined
  const { type, backwards_request_id, request } = payload['data']
  if (typeof type !== 'string' || typeof backwards_request_id !== 'string') return undefined
  return isObject(request) ? { type, backwards_request_id, request } : undefined
}

export function isError(data: unknown): data is NonNullable<SessionResult['error']> {
  if (!isObject(data)) return false
  const { error_type, message, args } = data
  const argsFit = args === null || args === undefined || (isObject(args) && Object.keys(args).length <= 10)
  return typeof error_type === 'string' && typeof message === 'string' && argsFit
}

function isToolMessage(data: unknown): boolean {
  if (!isObject(data) || !TOOL_MESSAGES.includes(String(data['type']))) return false
  return data['message'] === null || isObject(data['message'])
}

export function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
