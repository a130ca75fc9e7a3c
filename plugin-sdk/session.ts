import { toWireError } from './errors.ts'
import { endFrame, errorFrame, streamFrame } from './protocol.ts'
import type { Channel } from './transports/transport.ts'

export interface SessionOptions {
  sessionId: string
  channel: Channel
  /** Ends the session early; its reason is the error that is sent. */
  signal: AbortSignal
  /** Blanked in whatever error is sent. */
  secrets: readonly string[]
  /** Opens the answer; may throw. */
  open(): AsyncIterable<object>
  onProblem(message: string): void
}

/**
 * Runs one session to its close: the chunks, then at most one `error`, then exactly one `end`. Never rejects.
 * A chunk that cannot be sent becomes the error. When the channel itself is gone nothing more is sent.
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

/** Lets a generator that was left early run its `finally` blocks, but waits for it only while there is time. */
async function release(iterator: AsyncIterator<object> | undefined, options: SessionOptions) {
  if (!iterator?.return) return
  try {
    const released = Promise.resolve(iterator.return())
    if (options.signal.aborted) {
      // A generator stuck in an await cannot be unwound; its late failure must not become an unhandled one.
      released.catch(() => {})
    } else {
      await unlessAborted(released, options.signal)
    }
  } catch (error) {
    options.onProblem(`Session ${options.sessionId} failed while it was cleaned up: ${nameOf(error)}`)
  }
}

/** The promise, or a rejection with the signal's reason, whichever is first. */
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
