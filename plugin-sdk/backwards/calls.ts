import { randomUUID } from 'node:crypto'
import { BackwardsInvocationError, SessionTimeoutError } from '../errors.ts'
import { type BackwardsAnswer, invokeFrame } from '../protocol.ts'
import type { Timers } from '../timers.ts'
import type { Channel } from '../transports/transport.ts'

/** Calls Dify during a session. */
export interface BackwardsCalls {
  /**
   * The data of each answer to a call, in order. Throws `BackwardsInvocationError` with Dify's message, or the reason
   * why the session has ended.
   */
  call(type: string, request: object): AsyncGenerator<unknown>
  /** Routes an answer of the daemon to its call. Answers to unknown calls are ignored. */
  receive(answer: BackwardsAnswer): void
}

export interface BackwardsOptions {
  sessionId: string
  channel: Channel
  /** Aborted when the session ends: the daemon then accepts no call of it. */
  signal: AbortSignal
  timers: Timers
}

/** The daemon closes the answer of Dify 240 s after its start; Dify's own SDK gives up after 250 s. */
const IDLE_MS = 250_000
/** Answers that may wait for their reader; a call without streaming has one. */
const MAX_QUEUED = 10_000

interface PendingCall {
  answers: BackwardsAnswer[]
  wake: () => void
}

export function createBackwardsCalls(options: BackwardsOptions): BackwardsCalls {
  const { sessionId, channel, signal, timers } = options
  const pending = new Map<string, PendingCall>()

  /** Resolves with the next answer of a call. */
  async function next(call: PendingCall, type: string): Promise<BackwardsAnswer> {
    signal.throwIfAborted()
    const waiting = Promise.withResolvers<void>()
    const onAbort = () => waiting.reject(signal.reason)
    const cancel = timers.after(IDLE_MS, () =>
      waiting.reject(
        new SessionTimeoutError(`Dify did not answer a call (${type}) within ${IDLE_MS / 1000} s`),
      ),
    )
    call.wake = waiting.resolve
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      if (call.answers.length === 0) await waiting.promise
      return call.answers.shift() as BackwardsAnswer
    } finally {
      cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  return {
    async *call(type, request) {
      signal.throwIfAborted()
      const id = randomUUID().replaceAll('-', '')
      const call: PendingCall = { answers: [], wake: () => {} }
      pending.set(id, call)
      try {
        await channel.send(invokeFrame(sessionId, { type, backwards_request_id: id, request }))
        for (;;) {
          const answer = await next(call, type)
          if (answer.event === 'end') return
          if (answer.event === 'error') throw new BackwardsInvocationError(answer.message ?? `${type} failed`)
          yield answer.data
        }
      } finally {
        pending.delete(id)
      }
    },
    receive(answer) {
      const call = pending.get(answer.backwards_request_id)
      if (!call) return
      if (call.answers.length < MAX_QUEUED) call.answers.push(answer)
      else call.answers = [{ ...answer, event: 'error', message: `expected at most ${MAX_QUEUED} chunks` }]
      call.wake()
    },
  }
}
