import { randomUUID } from 'node:crypto'
import {
  type ModelAnswer,
  type ModelCall,
  type ModelClient,
  type ModelRequest,
  type ModelRequests,
  ModelUnavailable,
} from '../../ports/language-model.ts'

export type Answered = Exclude<ModelAnswer, { error: string }>

export interface WaitingRequests extends ModelRequests {
  /**
   * Waits for the answer of a client. Rejects with `ModelUnavailable` if no client takes the request within its
   * `PICKUP_MS` or answers it in time, if the client reports an error, and at once if texts are to be embedded while no
   * client can do it.
   */
  run(scope: string, call: ModelCall, signal?: AbortSignal): Promise<Answered>
  /** Whether a client takes requests of this kind now. */
  isReachable(scope: string, kind: ModelCall['kind']): boolean
}

export interface ModelRequestOptions {
  /** The namespace of a scope: a request is handed to clients with its API key only. */
  namespaceOf: (scope: string) => string
  /** Milliseconds from handing out a request to its answer. */
  answerMs: number
  /** @default true */
  completes?: boolean
  /** @default clients embed nothing */
  embedding?: ModelRequests['embedding']
  now?: () => number
  timers?: Pick<typeof globalThis, 'setTimeout' | 'clearTimeout' | 'setInterval' | 'clearInterval'>
}

/**
 * How long a request waits for a client, milliseconds. A turn whose completion no client takes stays pending, and its
 * extraction is tried again with the next client; a write holds the lock of its user while it waits for embeddings.
 */
export const PICKUP_MS = { completion: 10_000, query: 2000, document: 2000 } as const
/** Longest time from handing out texts to their embeddings, milliseconds. */
export const EMBED_MS = 15_000
/** How long requests may wait for a client that has announced itself, milliseconds. */
export const ANNOUNCED_MS = 500
/** Waiting requests of all namespaces; each has some kilobytes of text. */
export const MAX_REQUESTS = 256
/** Interval at which a waiting client checks whether a request is left for it, or still expected, milliseconds. */
export const RECHECK_MS = 250

interface Entry {
  scope: string
  request: ModelRequest
  takenBy: ModelClient | undefined
  settle: (answer: ModelAnswer) => void
  /** Restarts the timeout. */
  expireAfter: (ms: number, error: ModelUnavailable) => void
}

interface Taker extends ModelClient {
  give: (entry: Entry) => void
  leave: () => void
}

/** The requests are held in memory: what they are for is stored as pending turns, or embedded later. */
export function createModelRequests(options: ModelRequestOptions): WaitingRequests {
  const { namespaceOf, answerMs, completes = true, embedding } = options
  const { now = Date.now, timers = globalThis } = options
  const entries = new Map<string, Entry>()
  const takers = new Set<Taker>()
  /** Clients that are about to ask for a request. */
  const announced = new Set<{ client: ModelClient; until: number }>()

  function canTake(client: ModelClient, scope: string, kind: ModelCall['kind']): boolean {
    if (!client.takes.includes(kind) || namespaceOf(client.scope) !== namespaceOf(scope)) return false
    // A client that embeds queries only ends with the recall of its user.
    return client.scope === scope || kind !== 'query' || client.takes.includes('document')
  }

  const isSame = (one: ModelClient, other: ModelClient) =>
    one.id === other.id && namespaceOf(one.scope) === namespaceOf(other.scope)

  /** Clients that wait for a request or ask for one in a moment. */
  function* idle(): Generator<ModelClient> {
    yield* takers
    for (const { client, until } of announced) if (until > now()) yield client
  }

  /** What the client of a user waits for is left to it: another one may end before it has run the request. */
  function mayTake(client: ModelClient, { scope, request: { kind } }: Entry): boolean {
    if (!canTake(client, scope, kind)) return false
    if (client.scope === scope) return true
    return !idle().some((other) => other.scope === scope && canTake(other, scope, kind))
  }

  function hand(entry: Entry, client: ModelClient): ModelRequest {
    const ms = entry.request.kind === 'completion' ? answerMs : Math.min(answerMs, EMBED_MS)
    entry.takenBy = client
    const late = `The Dify node that took the request did not answer within ${ms / 1000} s`
    entry.expireAfter(ms, new ModelUnavailable('timeout', late))
    return entry.request
  }

  /** The oldest request for a client, those of its user first. */
  function findFor(client: ModelClient): Entry | undefined {
    const waiting = [...entries.values()].filter((entry) => !entry.takenBy && mayTake(client, entry))
    return waiting.find(({ scope }) => scope === client.scope) ?? waiting[0]
  }

  function isReachable(scope: string, kind: ModelCall['kind']): boolean {
    const isAble = (client: ModelClient) => canTake(client, scope, kind)
    // A client that runs a request asks for the next one afterwards.
    const isBusy = ({ takenBy }: Entry) => takenBy !== undefined && isAble(takenBy)
    return idle().some(isAble) || entries.values().some(isBusy)
  }

  async function run(scope: string, call: ModelCall, signal?: AbortSignal): Promise<Answered> {
    signal?.throwIfAborted()
    if (entries.size >= MAX_REQUESTS) {
      throw new ModelUnavailable('rate_limited', `${MAX_REQUESTS} model requests wait for Dify already`)
    }
    const isEmbedding = call.kind !== 'completion'
    const absent = new ModelUnavailable(
      'unreachable',
      isEmbedding
        ? `No Dify node with the embedding model ${embedding?.model} is running`
        : 'No Dify node with a model is running; the next one is asked',
    )
    if (isEmbedding && !isReachable(scope, call.kind)) throw absent
    const id = randomUUID()
    const done = Promise.withResolvers<ModelAnswer>()
    let timer: NodeJS.Timeout | undefined
    const entry: Entry = {
      scope,
      request: { id, ...call },
      takenBy: undefined,
      settle: done.resolve,
      expireAfter(ms, error) {
        timers.clearTimeout(timer)
        timer = timers.setTimeout(() => done.reject(error), ms)
      },
    }
    const onAbort = () => done.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    entries.set(id, entry)
    entry.expireAfter(PICKUP_MS[call.kind], absent)
    takers
      .values()
      .find((taker) => mayTake(taker, entry))
      ?.give(entry)
    try {
      const answer = await done.promise
      if ('error' in answer) throw new ModelUnavailable('server_error', `Dify: ${answer.error}`)
      return answer
    } finally {
      timers.clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      entries.delete(id)
    }
  }

  return {
    completes,
    embedding,
    run,
    isReachable,
    async take(client, waitMs, signal, isExpected = () => true) {
      for (const taker of takers) if (isSame(taker, client)) taker.leave()
      for (const one of announced) if (isSame(one.client, client)) announced.delete(one)
      const first = findFor(client)
      if (first) return hand(first, client)
      if (waitMs <= 0 || signal.aborted || !isExpected()) return undefined
      const next = Promise.withResolvers<ModelRequest | undefined>()
      const end = (request: ModelRequest | undefined) => {
        // A taker gets one request.
        takers.delete(taker)
        next.resolve(request)
      }
      const leave = () => end(undefined)
      const taker: Taker = { ...client, leave, give: (entry) => end(hand(entry, client)) }
      const timer = timers.setTimeout(leave, waitMs)
      const recheck = timers.setInterval(() => {
        // The client that it was left to may be gone.
        const left = findFor(client)
        if (left) taker.give(left)
        else if (!isExpected()) leave()
      }, RECHECK_MS)
      signal.addEventListener('abort', leave, { once: true })
      takers.add(taker)
      try {
        return await next.promise
      } finally {
        takers.delete(taker)
        timers.clearTimeout(timer)
        timers.clearInterval(recheck)
        signal.removeEventListener('abort', leave)
      }
    },
    announce(client) {
      for (const one of announced) if (one.until <= now()) announced.delete(one)
      announced.add({ client, until: now() + ANNOUNCED_MS })
    },
    answer(scope, id, answer) {
      const entry = entries.get(id)
      if (!entry?.takenBy || namespaceOf(entry.scope) !== namespaceOf(scope)) return false
      entry.settle(answer)
      return true
    },
  }
}
