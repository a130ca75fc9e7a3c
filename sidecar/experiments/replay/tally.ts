import { z } from 'zod'
import { bucketOf } from '../report/statistics/histogram.ts'
import { PRICE_MODEL_NAMES } from './prompts.ts'

const count = z.number()
const counts = z.record(z.string(), count)

/** A memory that the recorded answer drew on, and that neither the window nor the strategy showed. */
export const missedMemory = z.object({
  user_id: z.string(),
  conversation_id: z.string().nullable(),
  turn: z.number().nullable(),
  question: z.string(),
  memory_id: z.string(),
  memory: z.string(),
  words: z.array(z.string()).describe('Words of the answer that are the evidence.'),
})

export type MissedMemory = z.output<typeof missedMemory>

const ageTally = z.object({ turns: count, overlap: count, grounded: count, covered: count })

/** Sums over the turns of one setting; sums of several users add up. */
export const settingTally = z.object({
  turns: count,
  /** Turns by `cache.result` and `cache.reason`: `hit.hit`, `miss.window`. */
  cache: counts,
  /** Turns without a query embedding, because that would have been a model call. */
  by_words_only: count,
  overlap: count,
  rbo: count,
  /** Memories that the answers drew on; of these: shown by the window; not shown but injected. */
  grounded: count,
  in_window: count,
  injected: count,
  tokens: count,
  block_tokens: count,
  prefix_tokens: count,
  billed: counts,
  latency: counts,
  /** By age of the block in turns. */
  by_age: z.record(z.string(), ageTally),
  missed: z.array(missedMemory),
})

export type SettingTally = z.output<typeof settingTally>

/** Sums over the replayed users. */
export const tally = z.object({
  users: count,
  /** Replayed turns. */
  turns: count,
  /** Of these: with a recorded answer; with an answer that drew on a memory. */
  answered: count,
  grounded_turns: count,
  settings: z.record(z.string(), settingTally),
})

export type Tally = z.output<typeof tally>

/** Examples kept per setting. */
const MAX_MISSED = 20
/** Examples per setting of one user, so that the examples come from several users. */
const MAX_MISSED_PER_USER = 5

export function emptyTally(settingKeys: readonly string[]): Tally {
  const settings = Object.fromEntries(settingKeys.map((key) => [key, emptySetting()]))
  return { users: 0, turns: 0, answered: 0, grounded_turns: 0, settings }
}

function emptySetting(): SettingTally {
  return {
    ...{ turns: 0, cache: {}, by_words_only: 0, overlap: 0, rbo: 0, grounded: 0, in_window: 0, injected: 0 },
    ...{ tokens: 0, block_tokens: 0, prefix_tokens: 0 },
    billed: Object.fromEntries(PRICE_MODEL_NAMES.map((name) => [name, 0])),
    ...{ latency: {}, by_age: {}, missed: [] },
  }
}

/** The answer of one setting to one turn. */
export interface Measured {
  cache: string
  age: number | null
  isByWordsOnly: boolean
  overlap: number
  rbo: number
  grounded: number
  inWindow: number
  injected: number
  tokens: number
  blockTokens: number
  prefixTokens: number
  billed: Readonly<Record<string, number>>
  tookMs: number
  missed: readonly MissedMemory[]
}

export function addMeasured(sums: SettingTally, one: Measured): void {
  sums.turns += 1
  sums.by_words_only += +one.isByWordsOnly
  sums.overlap += one.overlap
  sums.rbo += one.rbo
  sums.grounded += one.grounded
  sums.in_window += one.inWindow
  sums.injected += one.injected
  sums.tokens += one.tokens
  sums.block_tokens += one.blockTokens
  sums.prefix_tokens += one.prefixTokens
  addCounts(sums.cache, { [one.cache]: 1 })
  addCounts(sums.billed, one.billed)
  addCounts(sums.latency, { [bucketOf(one.tookMs)]: 1 })
  if (one.age !== null) {
    const covered = one.inWindow + one.injected
    addAge(sums.by_age, String(one.age), { turns: 1, overlap: one.overlap, grounded: one.grounded, covered })
  }
  sums.missed.push(...one.missed.slice(0, MAX_MISSED_PER_USER - sums.missed.length))
}

/** Adds the sums of another user. */
export function addTally(sums: Tally, other: Tally): void {
  sums.users += other.users
  sums.turns += other.turns
  sums.answered += other.answered
  sums.grounded_turns += other.grounded_turns
  for (const [key, from] of Object.entries(other.settings)) {
    sums.settings[key] ??= emptySetting()
    addSetting(sums.settings[key], from)
  }
}

function addSetting(to: SettingTally, from: SettingTally): void {
  const { cache, billed, latency, by_age, missed, ...numbers } = from
  for (const [field, value] of Object.entries(numbers)) to[field as keyof typeof numbers] += value
  addCounts(to.cache, cache)
  addCounts(to.billed, billed)
  addCounts(to.latency, latency)
  for (const [age, sums] of Object.entries(by_age)) addAge(to.by_age, age, sums)
  to.missed.push(...missed.slice(0, MAX_MISSED - to.missed.length))
}

function addCounts(to: Record<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [key, value] of Object.entries(from)) to[key] = (to[key] ?? 0) + value
}

function addAge(to: SettingTally['by_age'], age: string, from: z.output<typeof ageTally>): void {
  const known = to[age] ?? { turns: 0, overlap: 0, grounded: 0, covered: 0 }
  to[age] = {
    turns: known.turns + from.turns,
    overlap: known.overlap + from.overlap,
    grounded: known.grounded + from.grounded,
    covered: known.covered + from.covered,
  }
}
