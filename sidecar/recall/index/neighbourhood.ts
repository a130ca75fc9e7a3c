import type { Timeline } from './timeline.ts'

/**
 * The level of the scores in each place's session, by place: a conversation that is about the question's
 * topic lends weight to all that was said in it (passage and document evidence combined: Callan 1994).
 * The level is the root mean square, so that a few strong hits count and long sessions do not win by
 * their length.
 */
export function sessionLevels(scores: Float64Array, { starts }: Timeline): Float64Array {
  const levels = new Float64Array(scores.length)
  for (let s = 0; s + 1 < starts.length; s++) {
    const from = starts[s] as number
    const to = starts[s + 1] as number
    let sum = 0
    for (let place = from; place < to; place++) sum += (scores[place] as number) ** 2
    levels.fill(Math.sqrt(sum / (to - from)), from, to)
  }
  return levels
}
