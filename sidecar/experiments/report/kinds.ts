import type { Difference, Report } from './schema.ts'

export type Kind = Report['conclusion']['kind']

/**
 * What the outcome and the cost of an arm together say about it.
 *
 * @param margin loss of the outcome that a cheaper arm may have at most
 */
export function kindOf(outcome: Difference, cost: Difference, margin: number): Kind {
  if (outcome.verdict === 'better') return 'better'
  if (outcome.verdict === 'worse') return cost.verdict === 'better' ? 'trade_off' : 'keep_baseline'
  const { loss, gain } = boundsOf(outcome)
  if (cost.verdict === 'better') return loss <= margin ? 'cheaper' : 'undecided'
  if (cost.verdict === 'worse') return gain <= margin ? 'keep_baseline' : 'undecided'
  return Math.max(loss, gain) <= margin && isSameCost(cost) ? 'no_difference' : 'undecided'
}

/** How much worse and how much better the outcome may be; infinite while unknown. */
export function boundsOf({ low, high, is_higher_better }: Difference): { loss: number; gain: number } {
  if (low === null || high === null) return { loss: Number.POSITIVE_INFINITY, gain: Number.POSITIVE_INFINITY }
  return is_higher_better
    ? { loss: Math.max(0, -low), gain: Math.max(0, high) }
    : { loss: Math.max(0, high), gain: Math.max(0, -low) }
}

/** Whether the costs differ by 5 % at most. */
function isSameCost({ status, relative: { low, high } }: Difference): boolean {
  if (status === 'constant') return true
  return low !== null && high !== null && Math.max(-low, high) <= 0.05
}
