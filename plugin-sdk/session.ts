import { toWireError } from './errors.ts'
import { endFrame, errorFrame, streamFrame } from './protocol.ts'
import type { Channel } from './transports/transport.ts'

export interface SessionOptions {
  sessionId: string
  channel: Channel
  /** Ends the session; its reason is sent as the error. */
  signal: AbortSignal
  /** Redacted in errors. */
  secrets: readonly string[]
  /** Starts the answer; may throw. */
  open(): AsyncIterable<object>
  onProblem(message: string): void
}

/**
 * Runs one session: sends the chunks, then at most one `error`, then exactly one `end`. A chunk that cannot be sent
 * becomes the error. A closed channel gets no more frames. Never rejects.
 */
export async function runSession(options: SessionOptions): Promise<void> {
  const { sessionId, channel, signal } = options
  let iterator: AsyncIterator<object> | undefined
  let failure: { error: unknown } | undefined
  try {
    iterator = options.open()[Symbol.asyncIterator]()
    for (;;) {
      const step = await unlessAborted(iterator.next(), signal)
      if (step.done) {
        iterator = undefined
        break
      }
      await unlessAborted(channel.send(streamFrame(sessionId, step.value)), signal)
    }
  } catch (error) {
    failure = { error }
  }
  if (!channel.signal.aborted) {
    try {
      if (failure) await channel.send(errorFrame(sessionId, toWireError(failure.error, options.secrets)))
      await channel.send(endFrame(sessionId))
    } catch (error) {
      options.onProblem(`Session ${sessionId} could not be closed: ${nameOf(error)}`)
    }
  }
  await release(iterator, options)
}

/** Runs the `finally` blocks of an unfinished generator; waits for them until the session is aborted. */
async function release(iterator: AsyncIterator<object> | undefined, options: SessionOptions) {
  if (!iterator?.return) return
  try {
    const released = Promise.resolve(iterator.return())
    if (options.signal.aborted) {
      // A generator inside an await cannot be stopped; its later failure must not become an unhandled rejection.
      released.catch(() => {})
    } else {
      await unlessAborted(released, options.signal)
    }
  } catch (error) {
    options.onProblem(`Session ${options.sessionId} failed during cleanup: ${nameOf(error)}`)
  }
}

/** Rejects with the signal's reason if it is aborted before the promise settles. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error'
}
