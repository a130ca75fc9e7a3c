import type { Time } from '../../../sidecar/adapters/openai/time.ts'
import { stoppedClock } from '../clock.ts'

/** Time that passes only by sleeping, at once, and by `advance`; deadlines pass when they are told to. */
export interface ScriptedTime extends Time {
  advance: (milliseconds: number) => void
  /** How long was slept, in order. */
  slept: number[]
  /** Lets every deadline that is running pass. */
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
