/**
 * The rule that makes a cache follow a chat window. Pure; turns are 1-based and equal Dify's `sys.dialogue_count`.
 *
 * At turn `d` a window of size `N` shows the model the turns `max(1, d−N+1) … d−1`: N−1 of them, because the turn
 * in flight takes a slot. What was built when the watermark was `w` knows every turn ≤ w. The turns that such a
 * value could not know and that the window no longer shows are those in `w+1 … d−N`. There is none iff `d ≤ w + N`.
 */

/** The last turn at which a value built at watermark `w` may be served, or `null` for a window that shows nothing. */
export function servesUntilTurn(watermark: number, windowSize: number): number | null {
  // N = 1 shows no earlier turn and N = 0 is no window: a value kept there would hide the turn before.
  return windowSize <= 1 ? null : watermark + windowSize
}

/** Whether a value built at watermark `w` may be served at turn `d`. */
export function mayServe(turn: number, watermark: number, windowSize: number): boolean {
  const until = servesUntilTurn(watermark, windowSize)
  return until !== null && turn <= until
}

/** Whether the model itself sees turn `source` when it answers turn `d`, the turn in flight included. */
export function isInWindow(source: number, turn: number, windowSize: number): boolean {
  return source <= turn && source > turn - Math.max(1, windowSize)
}
