import type { Time } from '../../../sidecar/adapters/openai/time.ts'
import { stoppedClock } from '../clock.ts'

/** A clock that advances only by `sleep`, which returns immediately, and by `advance`. Deadlines expire on demand. */
export interface ScriptedTime extends Time {
  advance: (milliseconds: number) => void
  /** Durations of all sleeps, in order. */
  slept: number[]
  /** Expires all active deadlines. */
  expire: () => void
}

export function scriptedTime(): ScriptedTime {
  const clock = stoppedClock()
  const slept: number[] = []
  const running = new Set<() => void>()
  return {
    now: clock.now,
    advance: clock.advance,
    slept,
    async sleep(milliseconds, signal) {
      signal?.throwIfAborted()
      slept.push(milliseconds)
      clock.advance(milliseconds)
    },
    deadline(milliseconds) {
      const controller = new AbortController()
      const pass = () => {
        clock.advance(milliseconds)
        controller.abort()
      }
      running.add(pass)
      return { signal: controller.signal, clear: () => running.delete(pass) }
    },
    expire() {
      for (const pass of running) pass()
    },
  }
}
