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
  /** Scope keys of turns that are being stored, one entry per turn. */
  readonly #admitted: string[] = []

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * Admits a turn and counts it until the returned function is called.
   * @param isPending whether the turn is pending already and needs no further place
   * @throws {AppError} `too_many_pending` when a limit is reached
   */
  admit(key: string, isPending: boolean): () => void {
    if (!isPending) this.#assertPlace(key)
    this.#admitted.push(key)
    return () => void this.#admitted.splice(this.#admitted.indexOf(key), 1)
  }

  #assertPlace(key: string): void {
    const { limits, bufferOf, countPending, now } = this.#options
    const buffer = bufferOf(key)
    const own = (buffer?.pending.size ?? 0) + this.#admitted.filter((one) => one === key).length
    const isScopeFull = own >= limits.maxTurnsPerScope
    if (!isScopeFull && countPending() + this.#admitted.length < limits.maxTurns) return
    const reached = isScopeFull
      ? `${limits.maxTurnsPerScope} turns of this user are pending, which is the limit per user`
      : `${limits.maxTurns} turns are pending, which is the limit of this sidecar`
    const waitS = Math.ceil(((buffer?.nextAt ?? now()) - now()) / 1000)
    throw new AppError(
      'too_many_pending',
      `${reached}; GET /v1/pending says why. Nothing was stored: retry later.`,
      { retryAfterS: Math.min(RETRY_AFTER_S.max, Math.max(RETRY_AFTER_S.min, waitS)) },
    )
  }
}
