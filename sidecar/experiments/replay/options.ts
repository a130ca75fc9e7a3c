import { invalid } from '../../ports/errors.ts'
import { STRATEGIES, type Strategy } from '../../retrieval/strategies/request.ts'

export interface ReplayOptions {
  /** Absent: the users of all namespaces. */
  namespace?: string | undefined
  userId?: string | undefined
  /** Replays only turns of this app; the memories of all apps are visible to them. */
  appId?: string | undefined
  /** Replays only turns said at or after this time, epoch milliseconds. */
  since?: number | undefined
  strategies: readonly Strategy[]
  /** Window sizes. */
  windows: readonly number[]
  /** Adds `cached` with this `refresh_on_shift`, 0…1. */
  refreshOnShift?: number | undefined
  topK: number
  /** o200k tokens. */
  tokenBudget: number
}

/** A strategy with a window size. */
export interface Setting {
  strategy: Strategy
  windowSize: number
  refreshOnShift?: number | undefined
}

export const MAX_WINDOWS = 8
export const MAX_WINDOW_SIZE = 500

/** Defaults of the Retrieve Memory node, and common window sizes in Dify. */
export const DEFAULT_OPTIONS = {
  strategies: STRATEGIES,
  windows: [5, 10, 20],
  topK: 10,
  tokenBudget: 1500,
} as const satisfies ReplayOptions

export function settingsOf({ strategies, windows, refreshOnShift }: ReplayOptions): Setting[] {
  return windows.flatMap((windowSize) =>
    STRATEGIES.filter((strategy) => strategies.includes(strategy)).flatMap((strategy): Setting[] => [
      { strategy, windowSize },
      ...(strategy === 'cached' && refreshOnShift !== undefined
        ? [{ strategy, windowSize, refreshOnShift }]
        : []),
    ]),
  )
}

export function settingKey({ strategy, windowSize, refreshOnShift }: Setting): string {
  return [strategy, windowSize, ...(refreshOnShift === undefined ? [] : [refreshOnShift])].join('/')
}

const UNITS_MS = { h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/**
 * Epoch milliseconds of an ISO 8601 day or time, or of an age such as `30d`, `12h` or `8w`.
 * @throws {AppError} `invalid_request` for another text
 */
export function parseSince(text: string, now: number): number {
  const [, count, unit] = /^(\d{1,5})([hdw])$/.exec(text) ?? []
  if (count) return now - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]
  const time = /^\d{4}-\d{2}-\d{2}(T.*(Z|[+-]\d{2}:?\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN
  // `Date.parse` takes 2026-02-31 for March 3.
  const day = text.slice(0, 10)
  if (Number.isNaN(time) || new Date(day).toISOString().slice(0, 10) !== day) {
    throw invalid('since', 'an age such as 30d or 12h, a day or an ISO 8601 time with a time zone', text)
  }
  return time
}
