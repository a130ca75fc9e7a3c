import { type Frame, heartbeatFrame } from '../protocol.ts'
import type { Timers } from '../timers.ts'

/** The daemon's own SDK beats every 10 s; a plugin is given up after 60 s (TCP) or 120 s (stdio) of silence. */
export const HEARTBEAT_MS = 10_000

/**
 * Sends a heartbeat at once and then every `everyMs`. A beat is left out while the one before still waits to be
 * written, so a reader that has stopped does not pile them up. Returns how to stop.
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
