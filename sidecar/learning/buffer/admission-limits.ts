import { AppError } from '../../ports/errors.ts'
import type { ScopeBuffer } from './scope-buffer.ts'
import type { BufferSettings } from './settings.ts'

interface AdmissionOptions {
  limits: Pick<BufferSettings, 'maxTurns' | 'maxTurnsPerScope'>
  bufferOf: (key: string) => ScopeBuffer | undefined
  /** Number of pending turns in all scopes. */
  countPending: () => number
  /** Epoch milliseconds. */
  now: () => number
}

/** Bounds of the `Retry-After` header, seconds. */
const RETRY_AFTER_S = { min: 1, max: 900 }

/**
 * Limits pending turns. Turns that are being stored count too, so that parallel requests cannot exceed the limits.
 * @returns admits a turn, unless it is pending already, and counts it until the function that it returns is called
 */
export function admissionLimits({ limits, bufferOf, countPending, now }: AdmissionOptions) {
  /** Scope keys of turns that are being stored, one entry per turn. */
  const admitted: string[] = []

  function assertPlace(key: string): void {
    const buffer = bufferOf(key)
    const own = (buffer?.pending.size ?? 0) + admitted.filter((one) => one === key).length
    const isScopeFull = own >= limits.maxTurnsPerScope
    if (!isScopeFull && countPending() + admitted.length < limits.maxTurns) return
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

  return (key: string, isPending: boolean): (() => void) => {
    if (!isPending) assertPlace(key)
    admitted.push(key)
    return () => void admitted.splice(admitted.indexOf(key), 1)
  }
}
