import {
  DEFAULT_OPTIONS,
  type ReplayOptions,
  type Setting,
  settingKey,
} from '../../sidecar/experiments/replay/options.ts'
import type { PriceModelName } from '../../sidecar/experiments/replay/prompts.ts'
import { isInWindow } from '../../sidecar/memory/model/window-rule.ts'
import { includesTurn } from '../../sidecar/retrieval/blocks/turn-coverage.ts'
import type { StrategyResult } from '../../sidecar/retrieval/strategies/request.ts'
import type { Dialogue } from '../dialogues/dialogue.ts'
import type { Order } from '../dialogues/join.ts'
import { type Evidence, type ReplayedTurn, type ReplayRun, replayDialogues } from '../dialogues/replay.ts'
import { mean, percentile } from '../lib/statistics.ts'

/** The answer of one setting to one turn. */
interface TurnResult {
  group: string
  evidence: Evidence | undefined
  tokens: number
  blockTokens: number
  prefixTokens: number
  billed: Readonly<Record<string, number>>
  isHit: boolean
  age: number | null
  /** Earlier turns that neither window nor memory could show. */
  uncovered: number
  tookMs: number
}

/** The results of one setting. */
export class Measured {
  readonly setting: Setting
  readonly #turns: TurnResult[] = []

  constructor(setting: Setting) {
    this.setting = setting
  }

  add(replayed: ReplayedTurn, result: StrategyResult, measured: MeasuredTurn): void {
    this.#turns.push({
      group: replayed.dialogue.group,
      evidence: replayed.evidence,
      tokens: measured.tokens,
      blockTokens: measured.blockTokens,
      prefixTokens: measured.prefixTokens,
      billed: measured.billed,
      isHit: result.cache.result === 'hit',
      age: measured.age,
      uncovered: countUncovered(replayed, this.setting.windowSize, result),
      tookMs: measured.tookMs,
    })
  }

  get turns(): number {
    return this.#turns.length
  }

  get questions(): number {
    return this.#shares(() => 1).length
  }

  get groups(): string[] {
    return [...new Set(this.#turns.map(({ group }) => group))]
  }

  /** Mean share of a question's evidence that window or memory showed. */
  recall(group?: string): number {
    return mean(this.#shares(({ shown }) => shown, group))
  }

  /** Mean share of the evidence outside the window that the memory showed. */
  recallOutsideWindow(group?: string): number {
    return mean(this.#shares(({ recalled }) => recalled, group))
  }

  /** Means over the turns, tokens. */
  get tokens(): number {
    return mean(this.#turns.map(({ tokens }) => tokens))
  }

  /** Share of the block's tokens that the provider can reuse; `NaN` without a block. */
  get reuse(): number {
    return this.#sum(({ prefixTokens }) => prefixTokens) / this.#sum(({ blockTokens }) => blockTokens)
  }

  billed(model: PriceModelName): number {
    return mean(this.#turns.map(({ billed }) => billed[model] as number))
  }

  get hitRate(): number {
    return this.#sum(({ isHit }) => +isHit) / this.turns
  }

  /** Mean age of the blocks, turns; `NaN` without a block. */
  get age(): number {
    return mean(this.#turns.flatMap(({ age }) => age ?? []))
  }

  get uncovered(): number {
    return this.#sum(({ uncovered }) => uncovered)
  }

  tookMs(p: number): number {
    return percentile(
      this.#turns.map(({ tookMs }) => tookMs),
      p,
    )
  }

  #sum(of: (turn: TurnResult) => number): number {
    return this.#turns.reduce((sum, turn) => sum + of(turn), 0)
  }

  #shares(of: (evidence: Evidence) => number | null, group?: string): number[] {
    const turns = this.#turns.filter((turn) => group === undefined || turn.group === group)
    return turns.flatMap(({ evidence }) => (evidence && of(evidence)) ?? [])
  }
}

type MeasuredTurn = Pick<TurnResult, 'tokens' | 'blockTokens' | 'prefixTokens' | 'billed' | 'age' | 'tookMs'>

/** The results of the settings, and what `per_query` finds for the same bill. */
export interface Frontier {
  measured: Measured[]
  /** Absent: not measured. */
  recallForBill?: RecallForBill | undefined
}

/** Recall that `per_query` reaches for a number of billed tokens (`automatic`); `NaN` outside the measured range. */
export type RecallForBill = (billed: number) => number

/** The window size of the comparison for the same bill. */
export const USUAL_WINDOW = 10
/** `top_k` of the `per_query` settings between which recall is interpolated. */
const TOP_KS = [5, 10, 15, 25]
const NO_BUDGET = 100_000

export async function measureFrontier(
  dialogues: readonly Dialogue[],
  order: Order,
  settings: Pick<ReplayOptions, 'windows' | 'strategies'>,
  onDialogue?: () => void,
): Promise<Frontier> {
  const run = new MeasuredRun({ ...DEFAULT_OPTIONS, ...settings })
  // Only where few turns are replayed, because it takes as long again.
  const topKs = order === 'spread' ? [] : TOP_KS
  const curve = topKs.map(
    (topK) =>
      new MeasuredRun({ topK, tokenBudget: NO_BUDGET, windows: [USUAL_WINDOW], strategies: ['per_query'] }),
  )
  await replayDialogues(dialogues, order, [run, ...curve], onDialogue)
  return {
    measured: run.measured,
    recallForBill: curve.length === 0 ? undefined : interpolate(curve.flatMap(({ measured }) => measured)),
  }
}

class MeasuredRun implements ReplayRun {
  readonly options: ReplayRun['options']
  readonly #bySetting = new Map<string, Measured>()

  constructor(options: ReplayRun['options']) {
    this.options = options
  }

  get measured(): Measured[] {
    return [...this.#bySetting.values()]
  }

  readonly onMeasured: ReplayRun['onMeasured'] = (turn, setting, result, measured) => {
    const one = this.#bySetting.get(settingKey(setting)) ?? new Measured(setting)
    this.#bySetting.set(settingKey(setting), one)
    one.add(turn, result, measured)
  }
}

function interpolate(perQuery: readonly Measured[]): RecallForBill {
  const points = perQuery.map((one) => ({ billed: one.billed('automatic'), recall: one.recall() }))
  return (billed) => {
    const above = points.findIndex((one) => one.billed >= billed)
    const [low, high] = [points[above - 1], points[above]]
    if (!low || !high) return Number.NaN
    return low.recall + ((high.recall - low.recall) * (billed - low.billed)) / (high.billed - low.billed)
  }
}

/**
 * Counts the turns with a memory that have left the window and that the block did not know when it was built. Computed
 * from what is stored, without the watermark, so that it checks the window rule independently. Must be 0.
 */
function countUncovered(
  { turn, remembered }: ReplayedTurn,
  windowSize: number,
  { coverage }: StrategyResult,
): number {
  const { turns: known, from = 0 } = coverage ?? {}
  // A search for the query sees every memory that was added before.
  if (!known) return 0
  return [...remembered].filter(
    (one) => one >= from && one < turn && !isInWindow(one, turn, windowSize) && !includesTurn(known, one),
  ).length
}
