import type { Memory } from '../../memory/model/memory.ts'
import type { CountTokens } from '../../text/token-counter.ts'
import type { ProfileText } from '../profile/profiles.ts'
import { DEFAULT_HEADING, NO_HEADING, type Rendered, render } from '../render.ts'
import { dropRepeats } from '../repeats.ts'

export interface Selection {
  all: readonly Memory[]
  /** Query-independent value of a memory, 0…1. */
  salience: (memory: Memory) => number
  /** The memories that match the query, best first. Absent if a delta contains them. */
  matches: readonly Memory[] | undefined
  isInWindow: (memory: Memory) => boolean
  /** Selects and renders facts within a token budget. */
  profile: (facts: readonly Memory[], tokenBudget: number) => ProfileText
  /** Tokens. */
  budget: number
  count: CountTokens
}

/** Importance from which a memory belongs in every block. */
const IMPORTANT = 4
/** Maximum fraction of the budget for pending memories, so that they do not fill the block while the model is down. */
const PENDING_SHARE = 0.5
/** Maximum fraction of the budget for the profile in a block without a delta, which needs space for the matches. */
const PROFILE_SHARE = 0.5
/** Minimum tokens of a rendered memory: date, speaker and a word. */
const MIN_LINE_TOKENS = 12
/** UTF-8 bytes of a rendered memory, besides speaker and text. */
const FRAME_BYTES = '- [2026-01-01] : '.length
/** A block with a delta is selected again when the number of memories has grown by this factor. */
const GROWTH = 1.25
/** Number of memories at the first selection. */
const FIRST_SELECTION = 16

/**
 * Selects the memories of a block, a pure function of the selection: extracted facts as a profile, then other memories
 * in order of creation, then pending memories, which will soon be replaced by facts.
 *
 * A block without a delta also contains the matches of the query, and alternately the most salient and the latest
 * memories. Memories outside the window precede those in it.
 *
 * A block with a delta does not depend on the query and changes rarely, because a provider's prefix cache saves 90 % of
 * the price only while the prefix is unchanged. It is selected from the memories that existed when their number had last
 * grown by a quarter. Later memories are appended: important ones first, others if they fit. The delta finds them anyway.
 */
export function selectBlock(given: Selection): Rendered {
  const selection = withoutRepeats(given)
  const { all, matches } = selection
  const { isInWindow, profile, budget, count } = selection
  const maxLines = Math.ceil(budget / MIN_LINE_TOKENS)
  const hidden = all.filter((memory) => !isInWindow(memory)).sort(latestFirst)
  const pending = render(hidden.filter(isPending).slice(0, maxLines), budget * PENDING_SHARE, count)
  const settled = all.filter((memory) => !isPending(memory)).sort(oldestFirst)
  const base = matches ? settled : settled.slice(0, sizeAtLastGrowth(settled.length))
  const baseBudget = Math.floor((budget - pending.tokens) * (matches ? PROFILE_SHARE : 1))
  const facts = profile(base.filter(isFact), baseBudget)
  const rest = matches ? rankWithoutDelta(selection, matches) : rankWithDelta(selection, base, settled)
  const lines = new Set([...pending.memories, ...rest])
  for (const memory of facts.memories) lines.delete(memory)
  // One token for the line break between the two parts.
  const left = facts.text === '' ? budget : budget - facts.tokens - 1
  const heading = facts.text === '' ? DEFAULT_HEADING : NO_HEADING
  const { memories } = render([...lines].slice(0, maxLines), left, count, heading)
  const others = render(memories.sort(pendingLast), Number.POSITIVE_INFINITY, count, heading)
  const text = [facts.text, others.text].filter((part) => part !== '').join('\n')
  return { text, tokens: count(text), memories: [...facts.memories, ...others.memories] }
}

/** Of a sentence that several pending turns say, keeps one: outside the window rather than in it, then a match. */
function withoutRepeats(selection: Selection): Selection {
  const { all, matches, isInWindow } = selection
  if (!all.some(isPending)) return selection
  const matching = new Set(matches)
  const ordered = [...all].sort(
    (a, b) => +isInWindow(a) - +isInWindow(b) || +matching.has(b) - +matching.has(a) || oldestFirst(a, b),
  )
  const kept = new Set(dropRepeats(ordered, (memory) => memory))
  return {
    ...selection,
    all: all.filter((memory) => kept.has(memory)),
    matches: matches?.filter((memory) => kept.has(memory)),
  }
}

/** Candidates for a block without a delta, best first. */
function rankWithoutDelta(selection: Selection, matches: readonly Memory[]): Memory[] {
  const { all, isInWindow } = selection
  const latest = [...all].sort(latestFirst)
  const inWindow = latest.filter(isInWindow)
  const hidden = latest.filter((memory) => !isInWindow(memory))
  const salient = sortByDensity(hidden, selection)
  return [
    ...matches.filter((memory) => !isInWindow(memory)),
    ...salient.filter(isImportant),
    ...matches,
    ...sortByDensity(inWindow, selection).filter(isImportant),
    ...salient.flatMap((memory, i) => [memory, hidden[i] as Memory]),
    // Oldest first: it leaves the window first.
    ...inWindow.reverse(),
  ]
}

/** Candidates for a block with a delta, best first. */
function rankWithDelta(selection: Selection, base: readonly Memory[], settled: readonly Memory[]): Memory[] {
  const later = settled.slice(base.length)
  return [...later.filter(isImportant), ...sortByDensity(base, selection), ...later]
}

/** The number of memories, at most `count`, at which a block with a delta was last selected. */
function sizeAtLastGrowth(count: number): number {
  let size = FIRST_SELECTION
  for (let next = size; next <= count; next = Math.ceil(next * GROWTH)) size = next
  return size
}

/**
 * Sorts by salience per length, best first. Two short memories say more than a long one of the same total length, but
 * not twice as much, hence the square root; nearby exponents give the same results. In all scripts, the number of UTF-8
 * bytes is roughly proportional to the number of tokens.
 */
function sortByDensity(memories: readonly Memory[], { salience }: Selection): Memory[] {
  const density = (memory: Memory) =>
    salience(memory) /
    Math.sqrt(FRAME_BYTES + Buffer.byteLength(memory.speaker) + Buffer.byteLength(memory.text))
  return memories
    .map((memory) => ({ memory, density: density(memory) }))
    .sort((a, b) => b.density - a.density || compare(a.memory.id, b.memory.id))
    .map(({ memory }) => memory)
}

function oldestFirst(a: Memory, b: Memory): number {
  return a.order - b.order || compare(a.id, b.id)
}

function latestFirst(a: Memory, b: Memory): number {
  return oldestFirst(b, a)
}

function pendingLast(a: Memory, b: Memory): number {
  return +isPending(a) - +isPending(b) || oldestFirst(a, b)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : +(a > b)
}

function isImportant({ importance }: Memory): boolean {
  return (importance ?? 0) >= IMPORTANT
}

/** Whether a model has extracted the memory or assigned a topic. */
function isFact({ kind, topic }: Memory): boolean {
  return kind === 'extracted' || (kind !== 'pending' && topic !== null)
}

function isPending({ kind }: Memory): boolean {
  return kind === 'pending'
}
