import { randomUUID } from 'node:crypto'
import {
  type Completion,
  type ModelAnswer,
  type ModelRequest,
  type ModelRequests,
  ModelUnavailable,
} from '../../ports/language-model.ts'

export type Answered = Completion & { tokensIn: number; tokensOut: number }

export interface WaitingRequests extends ModelRequests {
  /**
   * Waits for the answer of a client. Rejects with `ModelUnavailable` if no client takes the request within
   * `PICKUP_MS` or answers it within `answerMs`, or if the client reports an error.
   */
  run(namespace: string, request: Omit<ModelRequest, 'id'>, signal?: AbortSignal): Promise<Answered>
}

export interface ModelRequestOptions {
  /** Milliseconds from handing out a request to its answer. */
  answerMs: number
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>
}

/** A turn whose request no client takes stays pending, and its extraction is tried again with the next client. */
export const PICKUP_MS = 10_000
/** Waiting requests of all namespaces; each has a prompt of some kilobytes. */
export const MAX_REQUESTS = 256

interface Entry {
  namespace: string
  request: ModelRequest
  isTaken: boolean
  settle: (answer: ModelAnswer | ModelUnavailable) => void
  /** Restarts the timeout. */
  expireAfter: (ms: number, error: ModelUnavailable) => void
}

/** The requests are held in memory: what they are for is stored as pending turns. */
export function createModelRequests(options: ModelRequestOptions): WaitingRequests {
  const { answerMs, timers = globalThis } = options
  const entries = new Map<string, Entry>()
  const takers = new Set<{ namespace: string; give: (entry: Entry) => void }>()

  function hand(entry: Entry): ModelRequest {
    const seconds = answerMs / 1000
    entry.isTaken = true
    entry.expireAfter(
      answerMs,
      new ModelUnavailable(
        'timeout',
        `The Dify node that took the request did not answer within ${seconds} s`,
      ),
    )
    return entry.request
  }

  async function run(
    namespace: string,
    request: Omit<ModelRequest, 'id'>,
    signal?: AbortSignal,
  ): Promise<Answered> {
    signal?.throwIfAborted()
    if (entries.size >= MAX_REQUESTS) {
      throw new ModelUnavailable('rate_limited', `${MAX_REQUESTS} model requests wait for Dify already`)
    }
    const id = randomUUID()
    const done = Promise.withResolvers<ModelAnswer>()
    let timer: NodeJS.Timeout | undefined
    const entry: Entry = {
      namespace,
      request: { id, ...request },
      isTaken: false,
      settle: (answer) => (answer instanceof Error ? done.reject(answer) : done.resolve(answer)),
      expireAfter(ms, error) {
        timers.clearTimeout(timer)
        timer = timers.setTimeout(() => done.reject(error), ms)
      },
    }
    const onAbort = () => done.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    entries.set(id, entry)
    entry.expireAfter(
      PICKUP_MS,
      new ModelUnavailable('unreachable', 'No Dify node with a model is running; the next one is asked'),
    )
    const taker = takers.values().find((one) => one.namespace === namespace)
    taker?.give(entry)
    try {
      const answer = await done.promise
      if ('error' in answer) throw new ModelUnavailable('server_error', `Dify: ${answer.error}`)
      return { ...answer, calls: [] }
    } finally {
      timers.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      entries.delete(id)
    }
  }

  return {
    run,
    async take(namespace, waitMs, signal) {
      const waiting = entries.values().find((one) => one.namespace === namespace && !one.isTaken)
      if (waiting) return hand(waiting)
      if (waitMs <= 0 || signal.aborted) return undefined
      const next = Promise.withResolvers<Entry | undefined>()
      const taker = { namespace, give: (entry: Entry) => next.resolve(entry) }
      const give = taker.give
      // A request goes to one taker only.
      taker.give = (entry) => {
        takers.delete(taker)
        give(entry)
      }
      const leave = () => next.resolve(undefined)
      const timer = timers.setTimeout(leave, waitMs)
      signal.addEventListener('abort', leave, { once: true })
      takers.add(taker)
      try {
        const entry = await next.promise
        return entry && entries.has(entry.request.id) ? hand(entry) : undefined
      } finally {
        takers.delete(taker)
        timers.clearTimeout(timer)
        signal.removeEventListener('abort', leave)
      }
    },
    answer(namespace, id, answer) {
      const entry = entries.get(id)
      if (!entry?.isTaken || entry.namespace !== namespace) return false
      entry.settle(answer)
      return true
    },
  }
}
