import { setTimeout as after } from 'node:timers/promises'
import pTimeout from 'p-timeout'

export type Time = typeof systemTime

/** Clock and timers of the OpenAI adapters; replaced in tests. All times in milliseconds. */
export const systemTime = {
  now: Date.now,
  /** Rejects when the signal is aborted. */
  sleep: (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    after(milliseconds, undefined, signal ? { signal } : {}),
  /** A signal that is aborted after the given time unless `clear` is called before. */
  deadline(milliseconds: number) {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), milliseconds)
    return { signal: controller.signal, clear: () => clearTimeout(timer) }
  },
}

/** Settles like the promise, or rejects with the signal's reason as soon as it is aborted. */
export async function rejectOnAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return await pTimeout(promise, { milliseconds: Number.POSITIVE_INFINITY, ...(signal ? { signal } : {}) })
}
