import { setTimeout as after } from 'node:timers/promises'
import pTimeout from 'p-timeout'

/** Clock and timers of the OpenAI adapters; replaced in tests. All times in milliseconds. */
export interface Time {
  now: () => number
  /** Rejects when the signal is aborted. */
  sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  /** A signal that is aborted after the given time unless `clear` is called before. */
  deadline: (milliseconds: number) => { signal: AbortSignal; clear: () => void }
}

export const systemTime: Time = {
  now: Date.now,
  sleep: (milliseconds, signal) => after(milliseconds, undefined, signal ? { signal } : {}),
  deadline(milliseconds) {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), milliseconds)
    return { signal: controller.signal, clear: () => clearTimeout(timer) }
  },
}

/** Settles like the promise, or rejects with the signal's reason as soon as it is aborted. */
export async function rejectOnAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return await pTimeout(promise, { milliseconds: Number.POSITIVE_INFINITY, ...(signal ? { signal } : {}) })
}
