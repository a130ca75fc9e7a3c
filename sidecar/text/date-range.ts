export const DAY_MS = 86_400_000

/** A stretch of time that a text names, epoch ms: `from` ≤ t < `to`. */
export interface DateRange {
  from: number
  to: number
}

/** Range of a day, a month or a year (what is not given is wider); `undefined` if there is no such date. */
export function rangeOf(year: number, month?: number, day?: number): DateRange | undefined {
  const from = Date.UTC(year, month ?? 0, day ?? 1)
  if (month !== undefined && (month < 0 || month > 11)) return undefined
  if (day !== undefined && new Date(from).getUTCDate() !== day) return undefined
  const to =
    month === undefined
      ? Date.UTC(year + 1, 0, 1)
      : day === undefined
        ? Date.UTC(year, month + 1, 1)
        : from + DAY_MS
  return { from, to }
}
