import { mean } from '../lib/statistics.ts'
import { type Answer, recallAt } from './evaluate.ts'

const SHOWN = 10
/** Losses of recall@10 that the curve allows. */
export const LOSSES = [0, 0.01, 0.02, 0.05, 0.1]

/** What remains of the answers with the highest threshold that loses so much recall@10. */
export interface CurvePoint {
  lost: number
  /** Mean number of turns that a question without an answer still gets, of the first ten. */
  kept: number
  /** Share of the questions without an answer that get nothing. */
  silent: number
}

/** A threshold is on the scale of the system's own scores, so that the curves of different systems compare. */
export function abstainCurve(answers: readonly Answer[]): CurvePoint[] {
  const unanswerable = answers.filter(({ question }) => question.evidence.length === 0)
  const full = recallAt(SHOWN, answers)
  const scores = new Set(answers.flatMap((answer) => answer.scores.slice(0, SHOWN)))
  const thresholds = [Number.NEGATIVE_INFINITY, ...[...scores].sort((a, b) => a - b)]
  const lossAt = (threshold: number) =>
    full -
    recallAt(
      SHOWN,
      answers.map((answer) => above(threshold, answer)),
    )
  return LOSSES.map((lost) => {
    // The loss never falls with the threshold.
    let [low, high] = [0, thresholds.length]
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (lossAt(thresholds[middle] as number) <= lost + 1e-9) low = middle
      else high = middle
    }
    const counts = unanswerable.map((answer) => above(thresholds[low] as number, answer).turns.length)
    return { lost, kept: mean(counts), silent: mean(counts.map((count) => (count === 0 ? 1 : 0))) }
  })
}

function above(threshold: number, answer: Answer): Answer {
  const turns = answer.turns.slice(0, SHOWN).filter((_, i) => (answer.scores[i] as number) >= threshold)
  return { ...answer, turns }
}
