const FIRST_MS = 1000
const MAX_MS = 60_000

/** Delay before a failed run is retried, milliseconds: exponential with a limit and 10 % jitter. */
export function retryDelayMs(failures: number): number {
  return Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)) * (0.9 + Math.random() / 10)
}
