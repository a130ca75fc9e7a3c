/**
 * The window rule: a value built at watermark `w` may be served at turn `d` iff `d ≤ w + N`. Turns equal Dify's
 * `sys.dialogue_count`, which counts from 1, before Dify 1.9 from 0.
 *
 * At turn `d` a window of size `N` shows the turns `d−N+1 … d−1`: N−1 of them, because the current turn takes a
 * slot. The value includes every turn ≤ w. The turns in neither of them are `w+1 … d−N`; there is none iff `d ≤ w + N`.
 */

/** The last turn at which a value may be served; `null` for a window that shows no earlier turn. */
export function servesUntilTurn(watermark: number, windowSize: number): number | null {
  // With N = 0 or 1, a cached value would hide the previous turn.
  return windowSize <= 1 ? null : watermark + windowSize
}

export function mayServe(turn: number, watermark: number, windowSize: number): boolean {
  const until = servesUntilTurn(watermark, windowSize)
  return until !== null && turn <= until
}

/** Whether the model sees turn `source` when it answers `turn`, including `turn` itself. */
export function isInWindow(source: number, turn: number, windowSize: number): boolean {
  return source <= turn && source > turn - Math.max(1, windowSize)
}
