import { setMaxListeners } from 'node:events'
import type { Frame } from '../protocol.ts'

/** Where the frames of a session go: the pipe, one TCP connection, or one HTTP response. */
export interface Channel {
  /**
   * Hands over one frame, after all frames handed over before. Resolves once the other side takes more.
   * Rejects with `FrameTooLargeError` or `InvalidMessageError` (nothing was sent, the channel goes on) or
   * `TransportClosedError`.
   */
  send(frame: Frame): Promise<void>
  /** Aborted when frames can no longer arrive. */
  readonly signal: AbortSignal
}

/** One line that was too long to take. `head` is how it began. */
export interface Oversize {
  bytes: number
  head: string
}

/**
 * A way to the daemon. Install the callbacks before `start`: lines may arrive while it still runs, and what
 * arrives without a callback is lost.
 */
export interface Transport {
  /** One request line. The answer goes to `channel`. */
  onLine?: (line: string, channel: Channel) => void
  onOversize?: (oversize: Oversize, channel: Channel) => void
  /**
   * No more requests will come. Called once. Without an error the other side is done, and sessions in flight
   * may still be answered until `close`; with an error the transport has failed for good.
   */
  onEnd?: (error?: Error) => void
  /** Something an operator should read. The transport goes on. */
  onNotice?: (message: string) => void
  /** Resolves when requests can arrive. Rejects when they never will. */
  start(): Promise<void>
  /** Sends a frame that belongs to no session. Dropped where there is nobody to take it. */
  send(frame: Frame): Promise<void>
  /** Takes no more requests, writes out what was handed over, and lets go of its resources. Idempotent. */
  close(): Promise<void>
}

/** An abort signal that any number of sessions may listen to. */
export function createSharedAbort(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
