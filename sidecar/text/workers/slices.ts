import { setImmediate } from 'node:timers/promises'

/** Milliseconds after which other work of the event loop gets its turn. */
const SLICE_MS = 5

/** Work that can pause at each `yield`. */
export type Steps<T> = Generator<void, T, void>

/**
 * Runs long computations without blocking the event loop.
 * @param signal when it is aborted, the next slice does not start
 */
export async function runInSlices<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  for (let until = performance.now() + SLICE_MS; ; ) {
    const { done, value } = steps.next()
    if (done) return value
    if (performance.now() < until) continue
    await setImmediate()
    signal?.throwIfAborted()
    until = performance.now() + SLICE_MS
  }
}

/** Runs a computation at once. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}
