import { PRICE_MODEL_NAMES } from '../../sidecar/experiments/replay/prompts.ts'
import { STRATEGIES } from '../../sidecar/retrieval/strategies/request.ts'
import type { Order } from '../dialogues/join.ts'
import { table } from '../lib/table.ts'
import { type Frontier, type Measured, type RecallForBill, USUAL_WINDOW } from './measure.ts'

/** The results of one order of the questions. */
export interface OrderResult extends Frontier {
  order: Order
}

const ABOUT: Readonly<Record<Order, string>> = {
  spread:
    'Each question is asked somewhere after the turns that it is about, among turns about other things.',
  topic:
    'The questions are asked one after the other at the end, in the order of the turns that they are about.',
  shuffled: 'The questions are asked one after the other at the end, in pseudo-random order.',
}

/** The table that helps to choose a strategy: one window size, the first order. */
export function formatShort([first]: readonly OrderResult[]): string {
  const rows = (first?.measured ?? [])
    .filter(({ setting }) => setting.windowSize === USUAL_WINDOW)
    .map((one) => [
      `\`${one.setting.strategy}\``,
      percent(one.recall()),
      percent(one.recallOutsideWindow()),
      one.tokens.toFixed(0),
      one.billed('automatic').toFixed(0),
      percent(one.reuse),
    ])
  return table([
    [
      `_N_ = ${USUAL_WINDOW}`,
      'evidence in the prompt',
      'of what left the window',
      'memory tokens',
      'billed tokens',
      'block in a reusable prefix',
    ],
    ...rows,
  ])
}

export function formatOrder({ order, measured, recallForBill }: OrderResult): string {
  const [one] = measured
  return [
    `**Order \`${order}\`.** ${ABOUT[order]} ${one?.turns} turns, ${one?.questions} of them questions with evidence.`,
    formatSettings(measured),
    'Evidence in the prompt by group, `strategy` / _N_:',
    formatGroups(measured),
    ...(recallForBill ? [formatEqualBill(measured, recallForBill)] : []),
  ].join('\n\n')
}

function formatSettings(measured: readonly Measured[]): string {
  const head = [
    ...['strategy', '_N_', 'evidence in the prompt', 'of what left the window', 'memory tokens'],
    ...PRICE_MODEL_NAMES.map((name) => `billed, \`${name}\``),
    ...['reusable', 'hits', 'mean age', 'uncovered', 'p50 ms', 'p95 ms'],
  ]
  const rows = measured.map((one) => [
    `\`${one.setting.strategy}\``,
    String(one.setting.windowSize),
    one.recall().toFixed(2),
    one.recallOutsideWindow().toFixed(2),
    one.tokens.toFixed(0),
    ...PRICE_MODEL_NAMES.map((name) => one.billed(name).toFixed(0)),
    percent(one.reuse),
    percent(one.hitRate),
    Number.isNaN(one.age) ? '' : one.age.toFixed(1),
    String(one.uncovered),
    one.tookMs(0.5).toFixed(1),
    one.tookMs(0.95).toFixed(1),
  ])
  return table([head, ...rows])
}

function formatGroups(measured: readonly Measured[]): string {
  const groups = measured[0]?.groups ?? []
  const rows = measured.map((one) => [
    `\`${one.setting.strategy}\` / ${one.setting.windowSize}`,
    ...groups.map((group) => one.recall(group).toFixed(2)),
  ])
  return table([['', ...groups], ...rows])
}

function formatEqualBill(measured: readonly Measured[], recallForBill: RecallForBill): string {
  const ratios = measured
    .filter(({ setting }) => setting.windowSize === USUAL_WINDOW && setting.strategy !== STRATEGIES[0])
    .map((one) => {
      const ratio = one.recall() / recallForBill(one.billed('automatic'))
      return `\`${one.setting.strategy}\` ${Number.isNaN(ratio) ? 'outside the measured range' : ratio.toFixed(2)}`
    })
  return `Evidence in the prompt, relative to \`per_query\` for the same billed tokens (\`automatic\`, _N_ = ${USUAL_WINDOW}): ${ratios.join(', ')}.`
}

function percent(share: number): string {
  return Number.isNaN(share) ? '' : `${(100 * share).toFixed(0)} %`
}
