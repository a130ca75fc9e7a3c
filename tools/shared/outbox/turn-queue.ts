import { NodeError } from '../failure.ts'
import { plural } from '../text.ts'

/** A turn that the sidecar has not taken yet. */
export interface QueuedTurn {
  /** The idempotency key of every attempt. */
  id: string
  /** The body of `POST /v1/memories`. */
  body: object
}

export interface TurnQueueOptions {
  /** Hands one turn to the sidecar. Rejects with `NodeError`. */
  send: (turn: QueuedTurn) => Promise<Answer>
  /** Receives messages for operators, without texts or keys. */
  report: (message: string) => void
  setTimeout?: (callback: () => void, ms: number) => { unref?(): unknown }
}

type Answer = Record<string, unknown>

/** What became of a turn: the sidecar's answer, its refusal, or that the turn still waits, and why. */
export type Delivery = { answer: Answer } | { refusal: NodeError } | { waiting: NodeError | undefined }

/** Bounds of one queue; the oldest turns are dropped first. */
export const MAX_TURNS = 1000
export const MAX_BYTES = 1024 * 1024

const FIRST_RETRY_MS = 5_000
const MAX_RETRY_MS = 60_000

/** Turns for one sidecar, delivered in order and one at a time. */
export class TurnQueue {
  readonly #options: TurnQueueOptions
  #turns: { turn: QueuedTurn; bytes: number }[] = []
  readonly #settled = new Map<string, Delivery>()
  /** The ids whose delivery a node waits for. */
  readonly #awaited = new Set<string>()
  #running: Promise<NodeError | undefined> | undefined
  #retryMs = FIRST_RETRY_MS
  #isScheduled = false

  constructor(options: TurnQueueOptions) {
    this.#options = options
  }

  /** Oldest first. */
  get turns(): readonly QueuedTurn[] {
    return this.#turns.map(({ turn }) => turn)
  }

  get size(): number {
    return this.#turns.length
  }

  /** Appends a turn. Returns how many older turns were dropped to make room. */
  add(turn: QueuedTurn): number {
    this.#turns.push({ turn, bytes: sizeOf(turn) })
    return this.#dropOldest()
  }

  /** Adds the turns that an earlier process left, which are older than those of this one. */
  restore(turns: readonly QueuedTurn[]): void {
    const known = new Set(this.#turns.map(({ turn }) => turn.id))
    const missing = turns.filter(({ id }) => !known.has(id))
    if (missing.length === 0) return
    this.#turns.unshift(...missing.map((turn) => ({ turn, bytes: sizeOf(turn) })))
    this.#options.report(`${plural(missing.length, 'queued turn', 'queued turns')} restored from storage`)
    this.#dropOldest()
    this.retryLater()
  }

  /** Delivers the turns up to this one, and waits for that at most `waitMs` milliseconds. */
  async deliver(id: string, waitMs: number): Promise<Delivery> {
    const late = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => late.resolve(undefined), waitMs)
    this.#awaited.add(id)
    try {
      const waiting = await Promise.race([this.#run(), late.promise])
      return this.#settled.get(id) ?? { waiting }
    } finally {
      clearTimeout(timer)
      this.#awaited.delete(id)
      this.#settled.delete(id)
    }
  }

  /** Schedules an attempt in the background. Calls meanwhile try at once. */
  retryLater(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    const { setTimeout: later = setTimeout, report } = this.#options
    const attempt = () => {
      this.#isScheduled = false
      this.#run().catch((error: unknown) => report(`delivery of queued turns failed: ${String(error)}`))
    }
    later(attempt, this.#retryMs).unref?.()
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2)
  }

  /** Shares a running delivery. Resolves with why turns still wait; undefined when none does. */
  async #run(): Promise<NodeError | undefined> {
    this.#running ??= this.#sendAll().finally(() => {
      this.#running = undefined
    })
    return await this.#running
  }

  async #sendAll(): Promise<NodeError | undefined> {
    for (let next = this.#turns[0]; next; next = this.#turns[0]) {
      const delivery = await this.#send(next.turn)
      if ('waiting' in delivery) {
        this.retryLater()
        return delivery.waiting
      }
      this.#retryMs = FIRST_RETRY_MS
      // It may have been dropped meanwhile.
      this.#turns = this.#turns.filter(({ turn }) => turn !== next.turn)
      if (this.#awaited.has(next.turn.id)) this.#settled.set(next.turn.id, delivery)
      else if ('refusal' in delivery)
        this.#options.report(`a queued turn was refused and is lost: ${delivery.refusal.message}`)
    }
    return undefined
  }

  async #send(turn: QueuedTurn): Promise<Delivery> {
    try {
      return { answer: await this.#options.send(turn) }
    } catch (error) {
      if (!(error instanceof NodeError)) throw error
      // Anything else may be a proxy that answers for a sidecar which is away.
      return error.isInvalid ? { refusal: error } : { waiting: error }
    }
  }

  #dropOldest(): number {
    let bytes = this.#turns.reduce((sum, turn) => sum + turn.bytes, 0)
    let dropped = 0
    while (this.#turns.length > MAX_TURNS || bytes > MAX_BYTES) {
      bytes -= this.#turns.shift()?.bytes ?? 0
      dropped += 1
    }
    if (dropped > 0) {
      const limit = `${MAX_TURNS} turns or ${MAX_BYTES} bytes`
      this.#options.report(
        `the queue exceeds ${limit}: ${plural(dropped, 'oldest turn', 'oldest turns')} dropped`,
      )
    }
    return dropped
  }
}

function sizeOf(turn: QueuedTurn): number {
  return Buffer.byteLength(JSON.stringify(turn))
}
