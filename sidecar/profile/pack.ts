import type { CountTokens } from '../recall/tokens.ts'
import { headingOf, lineOf, renderProfile } from './render.ts'
import { inPlace, type Placed } from './slots.ts'

export interface PackOptions {
  /** Most tokens (o200k) of the text. */
  tokenBudget: number
  /** Most memories of one topic. */
  maxPerTopic: number
  /** Whether a topic, by its key, is one to be had before others. */
  isPreferred: (key: string) => boolean
}

export interface Packed {
  /** What found room, in the order of the profile. */
  kept: readonly Placed[]
  /** The empty string when nothing did. */
  text: string
  tokens: number
  /** Memories without room, by the budget or by the cap of their topic. */
  leftOut: number
}

/** What a preferred topic is worth, in points of importance: more than all else together. */
const PREFERENCE = 10
/** What stands in for the importance of a memory that nobody judged. */
const UNJUDGED = 3
/** In how many milliseconds the point for recency is halved. */
const HALF_LIFE_MS = 90 * 86_400_000
/** So many memories in a row without room end the search for smaller ones: counting tokens is what takes time. */
const MAX_MISSES = 64

/**
 * Chooses memories for a budget: those of preferred topics first, then the important, then the recent. A pure function of
 * the memories: how recent one is counts from the newest of them, not from the clock.
 */
export function pack(placed: readonly Placed[], options: PackOptions, count: CountTokens): Packed {
  const { tokenBudget, maxPerTopic } = options
  const perTopic = new Map<string, number>()
  const kept: Placed[] = []
  let tokens = count(renderProfile([]))
  let misses = 0
  for (const one of byWorth(placed, options)) {
    const siblings = perTopic.get(one.key) ?? 0
    if (siblings >= maxPerTopic) continue
    const cost = count(`\n${lineOf(one)}`) + (siblings === 0 ? count(`\n${headingOf(one)}`) : 0)
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
  return settle(kept, placed.length, tokenBudget, count)
}

/** The sum over lines is close to the tokens of the whole; where it was too small, the least worthy goes. */
function settle(kept: Placed[], all: number, tokenBudget: number, count: CountTokens): Packed {
  while (kept.length > 0) {
    const inOrder = kept.toSorted(inPlace)
    const text = renderProfile(inOrder)
    const tokens = count(text)
    if (tokens <= tokenBudget) return { kept: inOrder, text, tokens, leftOut: all - kept.length }
    kept.pop()
  }
  return { kept: [], text: '', tokens: 0, leftOut: all }
}

function byWorth(placed: readonly Placed[], { isPreferred }: PackOptions): Placed[] {
  const newest = placed.reduce((latest, { saidAt }) => Math.max(latest, saidAt), 0)
  const worth = ({ memory, key, saidAt }: Placed) =>
    (memory.importance ?? UNJUDGED) +
    (isPreferred(key) ? PREFERENCE : 0) +
    2 ** -((newest - saidAt) / HALF_LIFE_MS)
  return placed
    .map((one) => ({ one, worth: worth(one) }))
    .sort((a, b) => b.worth - a.worth || inPlace(a.one, b.one))
    .map(({ one }) => one)
}
