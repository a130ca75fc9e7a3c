import { setMaxListeners } from 'node:events'
import { type Frame, heartbeatFrame } from '../protocol.ts'
import type { Timers } from '../timers.ts'

/** The destination of a session's frames: stdout, a TCP connection, or an HTTP response. */
export interface Channel {
  /**
   * Sends one frame, in call order. Resolves when the channel accepts more. Rejects with `TransportClosedError`, or
   * with `FrameTooLargeError` or `InvalidMessageError`, after which the channel stays usable.
   */
  send(frame: Frame): Promise<void>
  /** Aborted when the channel is closed. */
  readonly signal: AbortSignal
}

/** The length and the first bytes of a line that was too long. */
export interface Oversize {
  bytes: number
  head: string
}

/**
 * A connection to the daemon. Set the callbacks before `start`, because lines may arrive while it runs.
 */
export interface Transport {
  /** Receives one request line, to be answered on `channel`. */
  onLine?: (line: string, channel: Channel) => void
  onOversize?: (oversize: Oversize, channel: Channel) => void
  /**
   * Called once, after the last request. Without an error, sessions in flight may be answered until `close`; with an
   * error, the transport has failed permanently.
   */
  onEnd?: (error?: Error) => void
  /** Receives messages for operators. */
  onNotice?: (message: string) => void
  /** Resolves when the transport accepts requests. Rejects if it fails permanently. */
  start(): Promise<void>
  /** Sends a frame that belongs to no session; dropped without a connection. */
  send(frame: Frame): Promise<void>
  /** Stops accepting requests, flushes sent frames and releases resources. Idempotent. */
  close(): Promise<void>
}

/** An abort controller without a limit of listeners. */
export function createSharedAbort(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

/** Dify's own SDK uses 10 s. The daemon drops a plugin after 60 s (TCP) or 120 s (stdio) without a heartbeat. */
const HEARTBEAT_MS = 10_000

/**
 * Sends a heartbeat immediately and then every `everyMs`. Skips a heartbeat while the previous one is unsent, so that a
 * stalled reader does not accumulate them. Returns a function that stops it.
 */
export function startHeartbeat(
  send: (frame: Frame) => Promise<void>,
  timers: Timers,
  everyMs: number = HEARTBEAT_MS,
): () => void {
  let waiting = false
  function beat() {
    if (waiting) return
    waiting = true
    send(heartbeatFrame())
      // A closed connection is reported by the transport that owns it.
      .catch(() => {})
      .finally(() => {
        waiting = false
      })
  }
  beat()
  return timers.every(everyMs, beat)
}
