import { seededRandom } from './generated-facts.ts'
import { mean, percentile } from './statistics.ts'

const RESAMPLES = 2000
const SEED = 20_261_130

/** The percentile interval (95 %) of the mean of paired differences, by the bootstrap over the pairs. */
export function bootstrapInterval(differences: readonly number[]): [low: number, high: number] {
  const random = seededRandom(SEED)
  const draw = () => differences[Math.floor(random() * differences.length)] as number
  const means = Array.from({ length: RESAMPLES }, () => mean(Array.from(differences, draw)))
  return [percentile(means, 0.025), percentile(means, 0.975)]
}
