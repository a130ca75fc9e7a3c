import { AppError } from '../../ports/errors.ts'
import type { ScopeBuffer } from './scope-buffer.ts'
import type { BufferSettings } from './settings.ts'

export interface AdmissionOptions {
  limits: Pick<BufferSettings, 'maxTurns' | 'maxTurnsPerScope'>
  bufferOf: (key: string) => ScopeBuffer | undefined
  /** Number of pending turns in all scopes. */
  countPending: () => number
  /** Epoch milliseconds. */
  now: () => number
}

/** Bounds of the `Retry-After` header, seconds. */
const RETRY_AFTER_S = { min: 1, max: 900 }

/** Limits on pending turns. Turns that are being stored count too, so that parallel requests cannot exceed them. */
export class AdmissionLimits {
  readonly #options: AdmissionOptions
  /** Turns that are being stored, by scope. */
  readonly #admitted = new Map<string, number>()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * Admits a turn and counts it until the returned function is called.
   * @param isPending a pending turn that is posted again needs no further place
   * @throws {AppError} `too_many_pending` when a limit is reached
   */
  admit(key: string, isPending: boolean): () => void {
    if (!isPending && !this.#hasPlace(key)) throw this.#refusal(key)
    this.#admitted.set(key, this.#admittedIn(key) + 1)
    return () => {
      const left = this.#admittedIn(key) - 1
      if (left > 0) this.#admitted.set(key, left)
      else this.#admitted.delete(key)
    }
  }

  #refusal(key: string): AppError {
    const { limits, bufferOf, now } = this.#options
    const limit =
      this.#countIn(key) < limits.maxTurnsPerScope
        ? `${limits.maxTurns} turns are pending, which is the limit of this sidecar`
        : `${limits.maxTurnsPerScope} turns of this user are pending, which is the limit per user`
    const wait = Math.ceil(((bufferOf(key)?.nextAt ?? now()) - now()) / 1000)
    return new AppError(
      'too_many_pending',
      `${limit}; GET /v1/pending says why. Nothing was stored: retry later.`,
      { retryAfterS: Math.min(RETRY_AFTER_S.max, Math.max(RETRY_AFTER_S.min, wait)) },
    )
  }

  #hasPlace(key: string): boolean {
    const { limits, countPending } = this.#options
    const admitted = [...this.#admitted.values()].reduce((sum, count) => sum + count, 0)
    return this.#countIn(key) < limits.maxTurnsPerScope && countPending() + admitted < limits.maxTurns
  }

  #countIn(key: string): number {
    return (this.#options.bufferOf(key)?.waiting.size ?? 0) + this.#admittedIn(key)
  }

  #admittedIn(key: string): number {
    return this.#admitted.get(key) ?? 0
  }
}
