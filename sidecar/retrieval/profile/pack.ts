import { toSingleLine } from '../../text/single-line.ts'
import type { CountTokens } from '../../text/token-counter.ts'
import { fence, instructionWarning, toShownText } from '../render.ts'
import { compareSlots, SAID, type SlottedMemory } from './slots.ts'

export interface PackOptions {
  /** Maximum o200k tokens of the text. */
  tokenBudget: number
  maxPerTopic: number
  /** Whether memories of the topic with this key are chosen before all others. */
  isPreferred: (key: string) => boolean
}

export interface Packed {
  /** In profile order. */
  kept: readonly SlottedMemory[]
  /** Empty without a memory. */
  text: string
  tokens: number
  /** Memories that exceeded the budget or `maxPerTopic`. */
  leftOut: number
}

/** Added to the importance (1 to 5) of memories of preferred topics: outranks every other score. */
const PREFERENCE = 10
const DEFAULT_IMPORTANCE = 3
/** The recency score, at most 1, halves every 90 days. */
const HALF_LIFE_MS = 90 * 86_400_000
/** Stops after this many consecutive memories that do not fit, because counting tokens is slow. */
const MAX_MISSES = 64

/**
 * Chooses memories for a token budget: preferred topics first, then by importance, then by recency. A pure function
 * of the memories: recency is relative to the newest of them, not to the current time.
 */
export function pack(slotted: readonly SlottedMemory[], options: PackOptions, count: CountTokens): Packed {
  const { tokenBudget, maxPerTopic } = options
  const perTopic = new Map<string, number>()
  const kept: SlottedMemory[] = []
  let tokens = count(renderProfile([]))
  let misses = 0
  for (const one of sortByScore(slotted, options)) {
    const siblings = perTopic.get(one.key) ?? 0
    if (siblings >= maxPerTopic) continue
    const cost = count(`\n${renderLine(one)}`) + (siblings === 0 ? count(`\n${renderHeading(one)}`) : 0)
    if (tokens + cost > tokenBudget) {
      misses += 1
      if (misses === MAX_MISSES) break
      continue
    }
    misses = 0
    tokens += cost
    perTopic.set(one.key, siblings + 1)
    kept.push(one)
  }
  // The sum over lines is an estimate: drops the lowest scores until the whole text fits.
  for (; kept.length > 0; kept.pop()) {
    const sorted = kept.toSorted(compareSlots)
    const text = renderProfile(sorted)
    const total = count(text)
    if (total <= tokenBudget) {
      return { kept: sorted, text, tokens: total, leftOut: slotted.length - kept.length }
    }
  }
  return { kept: [], text: '', tokens: 0, leftOut: slotted.length }
}

function sortByScore(slotted: readonly SlottedMemory[], { isPreferred }: PackOptions): SlottedMemory[] {
  const newest = slotted.reduce((latest, { saidAt }) => Math.max(latest, saidAt), 0)
  const scoreOf = ({ memory, key, saidAt }: SlottedMemory) =>
    (memory.importance ?? DEFAULT_IMPORTANCE) +
    (isPreferred(key) ? PREFERENCE : 0) +
    2 ** -((newest - saidAt) / HALF_LIFE_MS)
  return slotted
    .map((one) => ({ one, score: scoreOf(one) }))
    .sort((a, b) => b.score - a.score || compareSlots(a.one, b.one))
    .map(({ one }) => one)
}

/** Renders sorted memories with a heading per topic. Does not depend on the current time. */
function renderProfile(sorted: readonly SlottedMemory[]): string {
  const lines = sorted.flatMap((one, i) =>
    sorted[i - 1]?.key === one.key ? [renderLine(one)] : [renderHeading(one), renderLine(one)],
  )
  return fence('What is known of the user, by topic.', lines)
}

function renderHeading({ topic }: SlottedMemory): string {
  const name = toSingleLine(topic)
  return `# ${name}${instructionWarning(name)}`
}

/** `- home: Ada lives in Kyoto. (2026-03)` with the date of the event, or `- [2026-03-01] I like tea.` for a statement. */
function renderLine({ memory, key, subTopic, saidOn }: SlottedMemory): string {
  const text = toShownText(memory)
  if (key === SAID) return `- [${saidOn}]${instructionWarning(text)} ${text}`
  const name = toSingleLine(subTopic ?? '')
  const date = memory.event_date === null ? '' : ` (${toSingleLine(memory.event_date)})`
  const label = `${name}${instructionWarning(`${name}: ${text}`)}`.trim()
  return `- ${label === '' ? '' : `${label}: `}${text}${date}`
}
