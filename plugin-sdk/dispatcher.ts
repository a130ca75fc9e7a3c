import type { CredentialDeclaration } from './declarations/index.ts'
import { InvalidRequestError, PluginUnavailableError, SessionTimeoutError } from './errors.ts'
import { type Handlers, unknownName } from './handlers.ts'
import { type BackwardsResponse, parseLine, type RequestEnvelope } from './protocol.ts'
import { runSession } from './session.ts'
import { systemTimers, type Timers } from './timers.ts'
import type { Channel, Oversize } from './transports/transport.ts'

export interface DispatcherOptions {
  handlers: Handlers
  /** Those that are not secret are left readable in error messages; all other credentials are blanked. */
  credentials?: readonly CredentialDeclaration[]
  /** Sessions at once; further ones are refused with an error. Default 1000, as in Dify's own SDK. */
  maxSessions?: number
  /** The daemon stops listening after 600 s by default, and so do we. */
  sessionTimeoutMs?: number
  timers?: Timers
  /** Lines nobody can be answered about, and failures after the fact. Carries no request data. */
  onProblem?: (message: string) => void
  /** Answers to backwards invocations, by `session_id` and `data.backwards_request_id`. */
  onBackwardsResponse?: (response: BackwardsResponse) => void
}

export interface Dispatcher {
  /** Takes one line. Never throws; the answer goes to the channel. */
  receive(line: string, channel: Channel): void
  /** Answers a line that was too long to read, where its beginning tells the session. */
  refuseOversize(oversize: Oversize, channel: Channel): void
  /** Sessions in flight. */
  readonly active: number
  /** Refuses new sessions from now on; resolves when those in flight are answered. */
  drain(): Promise<void>
  /** Ends every session in flight with this error. */
  abort(reason: Error): void
}

interface LiveSession {
  controller: AbortController
  done: Promise<void>
}

/** Routes requests by type and action and runs their sessions side by side. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const maxSessions = options.maxSessions ?? 1000
  const sessionTimeoutMs = options.sessionTimeoutMs ?? 600_000
  const timers = options.timers ?? systemTimers
  const onProblem = options.onProblem ?? (() => {})
  const sessions = new Map<string, LiveSession>()
  const refusals = new Set<Promise<void>>()
  let draining = false

  function route(envelope: RequestEnvelope, signal: AbortSignal): AsyncIterable<object> {
    const { type, action } = envelope.data
    const actions = Object.hasOwn(options.handlers, type) ? options.handlers[type] : undefined
    if (!actions) throw unknownName('type', Object.keys(options.handlers), type)
    const handler = Object.hasOwn(actions, action) ? actions[action] : undefined
    if (!handler) throw unknownName('action', Object.keys(actions), action)
    return handler(envelope, signal)
  }

  function open(
    sessionId: string,
    channel: Channel,
    secrets: readonly string[],
    answer: (signal: AbortSignal) => AsyncIterable<object>,
  ) {
    const controller = new AbortController()
    const onChannelGone = () => controller.abort(channel.signal.reason)
    if (channel.signal.aborted) onChannelGone()
    else channel.signal.addEventListener('abort', onChannelGone, { once: true })
    const cancelTimeout = timers.after(sessionTimeoutMs, () => {
      const seconds = sessionTimeoutMs / 1000
      controller.abort(
        new SessionTimeoutError(`No complete answer within ${seconds} s`, { args: { seconds } }),
      )
    })
    const { signal } = controller
    const done = runSession({ sessionId, channel, signal, secrets, open: () => answer(signal), onProblem })
      .catch((error: unknown) => onProblem(`Session ${sessionId} broke: ${String(error)}`))
      .finally(() => {
        cancelTimeout()
        channel.signal.removeEventListener('abort', onChannelGone)
        sessions.delete(sessionId)
      })
    sessions.set(sessionId, { controller, done })
  }

  /** Error and end for a request that is not served, unless its session is in flight and has its own end. */
  function refuse(sessionId: string, channel: Channel, error: Error) {
    if (sessions.has(sessionId)) {
      onProblem(`Session ${sessionId} is in flight; another request for it was dropped: ${error.message}`)
      return
    }
    const answer = () => {
      throw error
    }
    const { signal } = new AbortController()
    // Not counted as a session: refusing must work when there is no room for one. But a reader that has stopped
    // must not pile refusals up either.
    if (refusals.size >= maxSessions) {
      onProblem(`Session ${sessionId} was dropped, too many refusals wait to be written: ${error.message}`)
      return
    }
    const refusal = runSession({ sessionId, channel, signal, secrets: [], open: answer, onProblem }).finally(
      () => refusals.delete(refusal),
    )
    refusals.add(refusal)
  }

  function admit(envelope: RequestEnvelope, channel: Channel) {
    const { session_id } = envelope
    if (sessions.has(session_id)) {
      refuse(session_id, channel, new InvalidRequestError('session_id is already in use'))
    } else if (draining) {
      refuse(session_id, channel, new PluginUnavailableError('The plugin is about to stop'))
    } else if (sessions.size >= maxSessions) {
      const message = `The plugin already runs ${sessions.size} sessions, its maximum; try again later`
      refuse(session_id, channel, new PluginUnavailableError(message, { args: { limit: maxSessions } }))
    } else {
      const secrets = secretsOf(envelope.data['credentials'], options.credentials ?? [])
      open(session_id, channel, secrets, (signal) => route(envelope, signal))
    }
  }

  return {
    receive(line, channel) {
      const parsed = parseLine(line)
      if (parsed.kind === 'request') {
        admit(parsed.envelope, channel)
      } else if (parsed.kind === 'backwards_response') {
        if (options.onBackwardsResponse) options.onBackwardsResponse(parsed.envelope)
        else onProblem('A backwards response came, but nothing was asked')
      } else if (parsed.sessionId === null) {
        onProblem(`A line was dropped: ${parsed.message}`)
      } else {
        refuse(parsed.sessionId, channel, new InvalidRequestError(parsed.message))
      }
    },
    refuseOversize({ bytes, head }, channel) {
      // Only at the very start of the line is this key surely the envelope's own.
      const sessionId = /^\s*\{\s*"session_id"\s*:\s*"([\w.:-]{1,128})"/.exec(head)?.[1]
      const message = `The request takes ${bytes} bytes, more than this plugin reads`
      if (sessionId === undefined) onProblem(`A line was dropped: ${message}`)
      else refuse(sessionId, channel, new InvalidRequestError(message, { args: { bytes } }))
    },
    get active() {
      return sessions.size
    },
    async drain() {
      draining = true
      await Promise.all([...[...sessions.values()].map((session) => session.done), ...refusals])
    },
    abort(reason) {
      for (const session of sessions.values()) session.controller.abort(reason)
    },
  }
}

function secretsOf(credentials: unknown, declared: readonly CredentialDeclaration[]): string[] {
  if (typeof credentials !== 'object' || credentials === null) return []
  const open = new Set(declared.filter(({ type }) => type !== 'secret-input').map(({ name }) => name))
  return Object.entries(credentials)
    .filter(([name, value]) => typeof value === 'string' && !open.has(name))
    .map(([, value]) => value as string)
}
