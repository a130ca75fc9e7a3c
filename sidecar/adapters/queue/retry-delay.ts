const FIRST_MS = 1000
const LONGEST_MS = 60_000

/** Milliseconds before a run that failed is tried again: doubled with each failure in a row, spread by a tenth. */
export function pauseAfter(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)) * (0.9 + Math.random() / 10)
}
