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
import { type Evidence, type ReplayedTurn, replayDialogues } from '../dialogues/replay.ts'
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

export interface FrontierOptions
  extends Partial<Omit<ReplayOptions, 'namespace' | 'userId' | 'appId' | 'since'>> {
  order: Order
  onDialogue?: () => void
}

export async function measureFrontier(
  dialogues: readonly Dialogue[],
  { order, onDialogue, ...chosen }: FrontierOptions,
): Promise<Measured[]> {
  const bySetting = new Map<string, Measured>()
  await replayDialogues(dialogues, {
    ...DEFAULT_OPTIONS,
    ...chosen,
    order,
    ...(onDialogue && { onDialogue }),
    onMeasured: (turn, setting, result, measured) => {
      const one = bySetting.get(settingKey(setting)) ?? new Measured(setting)
      bySetting.set(settingKey(setting), one)
      one.add(turn, result, measured)
    },
  })
  return [...bySetting.values()]
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
