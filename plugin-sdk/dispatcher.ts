import { type BackwardsCalls, createBackwardsCalls } from './backwards/calls.ts'
import type { CredentialDeclaration } from './declarations/index.ts'
import { InvalidRequestError, PluginUnavailableError, SessionTimeoutError } from './errors.ts'
import { type Handlers, type LiveCall, unknownName } from './handlers.ts'
import { parseLine, type RequestEnvelope } from './protocol.ts'
import { runSession } from './session.ts'
import { systemTimers, type Timers } from './timers.ts'
import type { Channel, Oversize } from './transports/transport.ts'

export interface DispatcherOptions {
  handlers: Handlers
  /** Declared credentials that are not secret stay readable in error messages; all others are redacted. */
  credentials?: readonly CredentialDeclaration[]
  /** Concurrent sessions; more are rejected with an error. Default 1000, as in Dify's own SDK. */
  maxSessions?: number
  /** Default 600 s, like the daemon. */
  sessionTimeoutMs?: number
  timers?: Timers
  /** Receives problems without a session to report them to. They contain no request data. */
  onProblem?: (message: string) => void
}

export interface Dispatcher {
  /** Handles one line and answers on the channel. Never throws. */
  receive(line: string, channel: Channel): void
  /** Rejects a line that is too long, if its beginning names the session. */
  rejectOversize(oversize: Oversize, channel: Channel): void
  /** Number of sessions in flight. */
  readonly active: number
  /** Rejects new sessions; resolves when those in flight have ended. */
  drain(): Promise<void>
  /** Ends every session in flight with this error. */
  abort(reason: Error): void
}

interface LiveSession {
  controller: AbortController
  backwards: BackwardsCalls
  done: Promise<void>
}

/** Routes requests by type and action and runs their sessions concurrently. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const maxSessions = options.maxSessions ?? 1000
  const sessionTimeoutMs = options.sessionTimeoutMs ?? 600_000
  const timers = options.timers ?? systemTimers
  const onProblem = options.onProblem ?? (() => {})
  const sessions = new Map<string, LiveSession>()
  const rejections = new Set<Promise<void>>()
  let draining = false

  function route(envelope: RequestEnvelope, live: LiveCall): AsyncIterable<object> {
    const { type, action } = envelope.data
    const actions = Object.hasOwn(options.handlers, type) ? options.handlers[type] : undefined
    if (!actions) throw unknownName('type', Object.keys(options.handlers), type)
    const handler = Object.hasOwn(actions, action) ? actions[action] : undefined
    if (!handler) throw unknownName('action', Object.keys(actions), action)
    return handler(envelope, live)
  }

  function open(
    sessionId: string,
    channel: Channel,
    secrets: readonly string[],
    answer: (live: LiveCall) => AsyncIterable<object>,
  ) {
    const controller = new AbortController()
    const onChannelClosed = () => controller.abort(channel.signal.reason)
    if (channel.signal.aborted) onChannelClosed()
    else channel.signal.addEventListener('abort', onChannelClosed, { once: true })
    const cancelTimeout = timers.after(sessionTimeoutMs, () => {
      const seconds = sessionTimeoutMs / 1000
      controller.abort(
        new SessionTimeoutError(`No complete answer within ${seconds} s`, { args: { seconds } }),
      )
    })
    const { signal } = controller
    // After the last frame the daemon accepts no call of the session.
    const ended = new AbortController()
    const inSession = AbortSignal.any([signal, ended.signal])
    const backwards = createBackwardsCalls({ sessionId, channel, signal: inSession, timers })
    const answers = () => answer({ signal, backwards })
    const live: LiveSession = { controller, backwards, done: Promise.resolve() }
    // Before the tool starts: a transport may answer its first call to Dify immediately.
    sessions.set(sessionId, live)
    live.done = runSession({ sessionId, channel, signal, secrets, open: answers, onProblem })
      .catch((error: unknown) => onProblem(`Session ${sessionId} failed: ${String(error)}`))
      .finally(() => {
        cancelTimeout()
        ended.abort(new PluginUnavailableError('The session has ended'))
        channel.signal.removeEventListener('abort', onChannelClosed)
        sessions.delete(sessionId)
      })
  }

  /** Sends error and end for a rejected request, unless a session of the same id is in flight. */
  function reject(sessionId: string, channel: Channel, error: Error) {
    if (sessions.has(sessionId)) {
      onProblem(`Session ${sessionId} is in flight; a second request for it was dropped: ${error.message}`)
      return
    }
    const answer = () => {
      throw error
    }
    const { signal } = new AbortController()
    // Rejections do not count as sessions, but they are bounded too, in case the reader has stalled.
    if (rejections.size >= maxSessions) {
      onProblem(`Session ${sessionId} was dropped, because too many rejections are unsent: ${error.message}`)
      return
    }
    const rejection = runSession({
      sessionId,
      channel,
      signal,
      secrets: [],
      open: answer,
      onProblem,
    }).finally(() => rejections.delete(rejection))
    rejections.add(rejection)
  }

  function admit(envelope: RequestEnvelope, channel: Channel) {
    const { session_id } = envelope
    if (sessions.has(session_id)) {
      reject(session_id, channel, new InvalidRequestError('session_id is already in use'))
    } else if (draining) {
      reject(session_id, channel, new PluginUnavailableError('The plugin is stopping'))
    } else if (sessions.size >= maxSessions) {
      const message = `The plugin runs ${sessions.size} sessions, its maximum; retry later`
      reject(session_id, channel, new PluginUnavailableError(message, { args: { limit: maxSessions } }))
    } else {
      const secrets = secretsOf(envelope.data['credentials'], options.credentials ?? [])
      open(session_id, channel, secrets, (live) => route(envelope, live))
    }
  }

  return {
    receive(line, channel) {
      const parsed = parseLine(line)
      if (parsed.ok) {
        const { envelope } = parsed
        if (envelope.event === 'request') admit(envelope, channel)
        else sessions.get(envelope.session_id)?.backwards.receive(envelope.data)
      } else if (parsed.sessionId === null) {
        onProblem(`A line was dropped: ${parsed.message}`)
      } else {
        reject(parsed.sessionId, channel, new InvalidRequestError(parsed.message))
      }
    },
    rejectOversize({ bytes, head }, channel) {
      // Elsewhere in the line the key may belong to a nested object.
      const sessionId = /^\s*\{\s*"session_id"\s*:\s*"([\w.:-]{1,128})"/.exec(head)?.[1]
      const message = `The request has ${bytes} bytes, more than the plugin accepts`
      if (sessionId === undefined) onProblem(`A line was dropped: ${message}`)
      else reject(sessionId, channel, new InvalidRequestError(message, { args: { bytes } }))
    },
    get active() {
      return sessions.size
    },
    async drain() {
      draining = true
      await Promise.all([...[...sessions.values()].map((session) => session.done), ...rejections])
    },
    abort(reason) {
      for (const session of sessions.values()) session.controller.abort(reason)
    },
  }
}

function secretsOf(credentials: unknown, declared: readonly CredentialDeclaration[]): string[] {
  if (typeof credentials !== 'object' || credentials === null) return []
  const publicNames = new Set(declared.filter(({ type }) => type !== 'secret-input').map(({ name }) => name))
  return Object.entries(credentials)
    .filter(([name, value]) => typeof value === 'string' && !publicNames.has(name))
    .map(([, value]) => value as string)
}
