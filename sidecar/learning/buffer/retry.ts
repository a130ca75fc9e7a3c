/** How often a model may fail to make sense of a turn before the turn is set aside as failed. */
export const UNREADABLE_LIMIT = 5

const FIRST_DELAY_MS = 2_000
const MAX_DELAY_MS = 15 * 60_000

/** Longest that a turn waits because an endpoint said so, milliseconds: quotas are by the day at the most. */
export const MAX_WAIT_MS = 24 * 3_600_000

/** Milliseconds before the next attempt: doubled each time, up to a quarter of an hour, with a tenth of jitter. */
export function retryDelay(attempts: number, random: () => number = Math.random): number {
  const delay = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, attempts - 1))
  return Math.round(delay * (0.9 + 0.1 * random()))
}

/** The endpoint's trouble, not the turn's: it is tried for as long as it takes, and nothing else of it is tried now. */
const OUTAGES = new Set([
  'timeout',
  'rate_limited',
  'refused_key',
  'server_error',
  'bad_answer',
  'unreachable',
  'circuit_open',
  'overtaken',
  'internal',
  'closing',
])

export function isOutage(reason: string): boolean {
  return OUTAGES.has(reason)
}
