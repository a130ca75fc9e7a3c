import type { Dialogue } from '../dialogues/dialogue.ts'
import type { Order } from '../dialogues/join.ts'
import { type Measured, measureFrontier } from './measure.ts'

/** `top_k` of the `per_query` settings between which recall is interpolated. */
const TOP_KS = [1, 3, 5, 10, 15, 25, 50]
const NO_BUDGET = 100_000

/** Recall that `per_query` reaches for a number of billed tokens (price model `automatic`); `NaN` outside the measured range. */
export type RecallForBill = (billed: number) => number

export async function measureRecallForBill(
  dialogues: readonly Dialogue[],
  order: Order,
  windowSize: number,
): Promise<RecallForBill> {
  const measured: Measured[] = []
  for (const topK of TOP_KS) {
    const options = {
      topK,
      tokenBudget: NO_BUDGET,
      windows: [windowSize],
      strategies: ['per_query'] as const,
    }
    measured.push(...(await measureFrontier(dialogues, { ...options, order })))
  }
  const points = measured.map((one) => ({ billed: one.billed('automatic'), recall: one.recall() }))
  return (billed) => {
    const above = points.findIndex((one) => one.billed >= billed)
    const [low, high] = [points[above - 1], points[above]]
    if (!low || !high) return Number.NaN
    return low.recall + ((high.recall - low.recall) * (billed - low.billed)) / (high.billed - low.billed)
  }
}
