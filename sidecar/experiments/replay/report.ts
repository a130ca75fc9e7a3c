import { z } from 'zod'
import { STRATEGIES } from '../../retrieval/strategies/request.ts'
import { Histogram, quantileOf } from '../report/statistics/histogram.ts'
import { type ReplayOptions, settingKey, settingsOf } from './options.ts'
import { PRICE_MODEL_NAMES, type PriceModelName } from './prompts.ts'
import { missedMemory, type SettingTally, type Tally } from './tally.ts'

const share = z.number().nullable()

export const replayedSetting = z.object({
  strategy: z.enum(STRATEGIES),
  window_size: z.number(),
  refresh_on_shift: z.number().nullable(),
  turns: z.number(),
  overlap: share.describe(
    'Mean share of the top_k memories of per_query that the strategy injected as well.',
  ),
  rbo: share.describe('Mean rank-biased overlap with per_query.'),
  grounded: z.object({
    memories: z.number().describe('Memories that the recorded answers drew on.'),
    in_window: z.number().describe('Of these: shown by the chat window, so that injection was not needed.'),
    injected: z.number().describe('Of the others: injected.'),
    recall: share.describe('Share of the memories that window or strategy showed.'),
    injected_recall: share.describe('Share of the memories outside the window that the strategy injected.'),
  }),
  tokens_per_turn: share.describe('o200k tokens of the context.'),
  billed_tokens_per_turn: z
    .object(
      Object.fromEntries(PRICE_MODEL_NAMES.map((name) => [name, share])) as Record<
        PriceModelName,
        typeof share
      >,
    )
    .describe('Price of system prompt and memory in full-price tokens, by price model.'),
  block_tokens_per_turn: share,
  prefix_reuse: share.describe(
    'Share of the block tokens that the previous prompt of the conversation had as well.',
  ),
  hit_rate: share.describe(
    'Share of the cache look-ups that found a block; null for a strategy without a cache.',
  ),
  cache: z.record(z.string(), z.number()).describe('Turns by result and reason, such as miss.window.'),
  latency_ms: z.object({ p50: share, p95: share }),
  turns_by_words_only: z
    .number()
    .describe('Turns without a query embedding, which would have been a model call.'),
  by_age: z.array(
    z.object({
      age_turns: z.number().describe('Age of the block.'),
      turns: z.number(),
      overlap: share,
      grounded_recall: share,
    }),
  ),
  missed: z.array(missedMemory).describe('Examples of memories that neither window nor strategy showed.'),
})

export const replayReport = z.object({
  users: z.number(),
  turns: z.number().describe('Replayed turns.'),
  answered_turns: z.number().describe('Of these: with a recorded answer.'),
  grounded_turns: z.number().describe('Of these: with an answer that drew on a memory.'),
  top_k: z.number(),
  token_budget: z.number(),
  since: z.string().nullable(),
  settings: z.array(replayedSetting),
  summary: z.string().describe('The result in one sentence.'),
})

export type ReplayReport = z.output<typeof replayReport>
export type ReplayedSetting = z.output<typeof replayedSetting>

export function createReplayReport(options: ReplayOptions, tally: Tally): ReplayReport {
  const settings = settingsOf(options).flatMap((setting): ReplayedSetting[] => {
    const sums = tally.settings[settingKey(setting)]
    if (!sums) return []
    const { strategy, windowSize, refreshOnShift } = setting
    return [
      {
        ...{ strategy, window_size: windowSize, refresh_on_shift: refreshOnShift ?? null },
        ...toMeans(sums),
      },
    ]
  })
  return {
    users: tally.users,
    turns: tally.turns,
    answered_turns: tally.answered,
    grounded_turns: tally.grounded_turns,
    top_k: options.topK,
    token_budget: options.tokenBudget,
    since: options.since === undefined ? null : new Date(options.since).toISOString(),
    settings,
    summary: summarise(tally, settings),
  }
}

function toMeans(sums: SettingTally): Omit<ReplayedSetting, 'strategy' | 'window_size' | 'refresh_on_shift'> {
  const { turns, grounded, in_window, injected, block_tokens } = sums
  const turnsWith = (result: string) =>
    Object.entries(sums.cache).reduce((sum, [name, n]) => sum + (name.startsWith(`${result}.`) ? n : 0), 0)
  const latency = new Histogram()
  for (const [bucket, turns] of Object.entries(sums.latency)) latency.add(Number(bucket), turns)
  return {
    turns,
    overlap: divide(sums.overlap, turns),
    rbo: divide(sums.rbo, turns),
    grounded: {
      ...{ memories: grounded, in_window, injected },
      recall: divide(in_window + injected, grounded),
      injected_recall: divide(injected, grounded - in_window),
    },
    tokens_per_turn: divide(sums.tokens, turns, 1),
    billed_tokens_per_turn: Object.fromEntries(
      PRICE_MODEL_NAMES.map((name) => [name, divide(sums.billed[name] ?? 0, turns, 1)]),
    ) as Record<PriceModelName, number | null>,
    block_tokens_per_turn: divide(block_tokens, turns, 1),
    prefix_reuse: divide(sums.prefix_tokens, block_tokens),
    hit_rate: divide(turnsWith('hit'), turns - turnsWith('none')),
    cache: sums.cache,
    latency_ms: { p50: round(quantileOf(latency, 0.5)?.ms, 2), p95: round(quantileOf(latency, 0.95)?.ms, 2) },
    turns_by_words_only: sums.by_words_only,
    by_age: Object.entries(sums.by_age)
      .map(([age, at]) => ({
        age_turns: Number(age),
        turns: at.turns,
        overlap: divide(at.overlap, at.turns),
        grounded_recall: divide(at.covered, at.grounded),
      }))
      .sort((a, b) => a.age_turns - b.age_turns),
    missed: sums.missed,
  }
}

/** Grounded memories from which the summary compares strategies. */
const MIN_GROUNDED = 30

function summarise({ turns, users }: Tally, settings: readonly ReplayedSetting[]): string {
  if (turns === 0) return 'No stored turn matches the selection.'
  const of = `${countOf(turns, 'turn')} of ${countOf(users, 'user')}`
  const grounded = Math.max(0, ...settings.map((one) => one.grounded.memories))
  if (grounded < MIN_GROUNDED) {
    return `${of}: too few answers drew on a memory (${grounded}, at least ${MIN_GROUNDED} needed) to compare the strategies by it.`
  }
  const [best] = settings.toSorted(
    (a, b) =>
      (b.grounded.recall ?? 0) - (a.grounded.recall ?? 0) ||
      (a.billed_tokens_per_turn.automatic ?? 0) - (b.billed_tokens_per_turn.automatic ?? 0),
  ) as [ReplayedSetting]
  const reference = settings.find(
    ({ strategy, window_size }) => strategy === 'per_query' && window_size === best.window_size,
  )
  const found = `${of}: ${nameOf(best)} showed ${percent(best.grounded.recall)} of the ${best.grounded.memories} memories that the answers drew on, the most`
  if (!reference || reference === best) return `${found}.`
  const ratio =
    (best.billed_tokens_per_turn.automatic ?? 0) / (reference.billed_tokens_per_turn.automatic ?? 1)
  return `${found}; per_query showed ${percent(reference.grounded.recall)}. Billed tokens: ${ratio.toFixed(2)} × those of per_query.`
}

export function nameOf({ strategy, window_size, refresh_on_shift }: ReplayedSetting): string {
  const shift = refresh_on_shift === null ? '' : `, refresh_on_shift ${refresh_on_shift}`
  return `${strategy} (N = ${window_size}${shift})`
}

export function percent(value: number | null): string {
  return value === null ? '–' : `${(100 * value).toFixed(0)} %`
}

/** `1 turn`, `2 turns` */
export function countOf(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}

function divide(sum: number, n: number, digits = 4): number | null {
  return n === 0 ? null : round(sum / n, digits)
}

function round(value: number | undefined, digits: number): number | null {
  return value === undefined ? null : Number(value.toFixed(digits))
}
