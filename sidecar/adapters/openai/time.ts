import { setTimeout as after } from 'node:timers/promises'

/** The clock and the timers of the OpenAI adapters, so that a test can own them. Milliseconds. */
export interface Time {
  now: () => number
  /** Resolves after so long; rejects with the signal's reason as soon as that is aborted. */
  sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  /** A signal that is aborted after so long, unless it is cleared before. */
  deadline: (milliseconds: number) => { signal: AbortSignal; clear: () => void }
}

export const systemTime: Time = {
  now: Date.now,
  async sleep(milliseconds, signal) {
    try {
      await after(milliseconds, undefined, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
  deadline(milliseconds) {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), milliseconds)
    return { signal: controller.signal, clear: () => clearTimeout(timer) }
  },
}

/** The promise, or a rejection with the signal's reason, whichever is first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await promise
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
  })
  // What is left behind may still fail; nobody waits for it any more.
  promise.catch(() => {})
  signal.addEventListener('abort', abort)
  try {
    if (signal.aborted) abort()
    return await Promise.race([aborted, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
