import { AppError } from '../errors.ts'
import type { ScopeBuffer } from './scope-buffer.ts'
import type { BufferSettings } from './settings.ts'

export interface RoomOptions {
  bounds: Pick<BufferSettings, 'maxTurns' | 'maxTurnsPerScope'>
  bufferOf: (key: string) => ScopeBuffer | undefined
  /** How many turns wait in all scopes together. */
  waitingInAll: () => number
  /** Epoch milliseconds. */
  now: () => number
}

/** Bounds of the seconds that a refused caller is told to wait. */
const RETRY_AFTER_S = { least: 1, most: 900 }

/**
 * The bounds on turns that wait. Those on their way count as well, so that many that come at once do not pass them
 * together.
 */
export class Room {
  readonly #options: RoomOptions
  /** Turns that are not counted anywhere else yet, by scope. */
  readonly #arriving = new Map<string, number>()

  constructor(options: RoomOptions) {
    this.#options = options
  }

  /**
   * Lets a turn in, and counts it until it is told, once or more often, that it is counted elsewhere, or not any more.
   * @param isKnown a turn that waits already takes no more room
   * @throws {AppError} `too_many_pending` when so many turns wait that no more are taken
   */
  enter(key: string, isKnown: boolean): () => void {
    if (!isKnown && !this.#isThere(key)) throw this.#refusal(key)
    return this.#arrive(key)
  }

  #arrive(key: string): () => void {
    this.#arriving.set(key, this.#arrivingIn(key) + 1)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const left = this.#arrivingIn(key) - 1
      if (left > 0) this.#arriving.set(key, left)
      else this.#arriving.delete(key)
    }
  }

  #refusal(key: string): AppError {
    const { bounds, bufferOf, now } = this.#options
    const whose =
      this.#ofScope(key) < bounds.maxTurnsPerScope
        ? `${bounds.maxTurns} turns wait to be learned from, and no more are taken`
        : `${bounds.maxTurnsPerScope} turns of this user wait to be learned from, and no more are taken`
    const wait = Math.ceil(((bufferOf(key)?.nextAt ?? now()) - now()) / 1000)
    return new AppError(
      'too_many_pending',
      `${whose}; GET /v1/pending says why. Nothing was stored: post it again later.`,
      { retryAfterS: Math.min(RETRY_AFTER_S.most, Math.max(RETRY_AFTER_S.least, wait)) },
    )
  }

  #isThere(key: string): boolean {
    const { bounds, waitingInAll } = this.#options
    const arriving = [...this.#arriving.values()].reduce((sum, count) => sum + count, 0)
    const all = waitingInAll() + arriving
    return this.#ofScope(key) < bounds.maxTurnsPerScope && all < bounds.maxTurns
  }

  #ofScope(key: string): number {
    return (this.#options.bufferOf(key)?.waiting.size ?? 0) + this.#arrivingIn(key)
  }

  #arrivingIn(key: string): number {
    return this.#arriving.get(key) ?? 0
  }
}
