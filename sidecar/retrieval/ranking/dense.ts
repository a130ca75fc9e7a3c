import type { Candidate } from '../../ports/records.ts'
import type { Timeline } from './timeline.ts'

/** Similarities of unrelated texts differ by less than this for no embedder; avoids a division by almost nothing. */
const MIN_DEVIATION = 0.01

/**
 * The similarity of each place, in standard deviations above the mean of all candidates; and the mean of it over the
 * other messages of the turn. 0 where a vector is absent.
 */
export function standardise({ items, turnOf, turns }: Timeline<Pick<Candidate, 'similarity'>>): {
  own: Float64Array
  mates: Float64Array
} {
  const known = items.map(({ similarity }) => similarity).filter((similarity) => similarity !== 0)
  const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length)
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, known.length)
  const deviation = Math.max(MIN_DEVIATION, Math.sqrt(variance))
  const own = Float64Array.from(items, ({ similarity }) =>
    similarity === 0 ? 0 : (similarity - mean) / deviation,
  )
  const mates = own.map((value, place) => {
    const turn = turnOf[place] as number
    const [from, to] = [turns[turn] as number, turns[turn + 1] as number]
    if (to - from < 2) return 0
    let sum = -value
    for (let other = from; other < to; other++) sum += own[other] as number
    return sum / (to - from - 1)
  })
  return { own, mates }
}
