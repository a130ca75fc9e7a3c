import type { Memory } from '../../memory/memory.ts'
import { HEAD, NO_HEAD, type Rendered, render } from '../render.ts'
import type { CountTokens } from '../tokens.ts'
import type { ProfileText } from './stand-in.ts'

export interface Selection {
  all: readonly Memory[]
  /** How much a memory is worth to know, 0…1. */
  worth: (memory: Memory) => number
  /** What the query finds, best first; absent where that is shown beside the block. */
  found: readonly Memory[] | undefined
  /** Whether the window shows it at the moment. */
  isShown: (memory: Memory) => boolean
  /** Facts as the profile chooses and shows them, within a budget of tokens. */
  profile: (facts: readonly Memory[], tokenBudget: number) => ProfileText
  /** Tokens. */
  budget: number
  count: CountTokens
}

/** What a model judged at least this important belongs into every block. */
const IMPORTANT = 4
/** Words that wait to be learned from take no more of a block, so that a model that is away does not fill it. */
const PENDING_SHARE = 0.5
/** The profile takes no more of a block that stands alone, so that there is room for what the query finds. */
const PROFILE_SHARE = 0.5
/** Tokens that no line of a block stays below: day, speaker, and a word. */
const LEAST_LINE = 12
/** Of a line, besides speaker and text. */
const FRAME_BYTES = '- [2026-01-01] : '.length
/** A block beside a delta is chosen anew when there are so many times as many memories as when it was chosen last. */
const GROWTH = 1.25
/** Memories of which it is chosen first. */
const FIRST = 16

/**
 * The memories that are best for this user in the turns to come, as one text that depends on nothing but them. Facts
 * that a model has learned come as the profile has them; after them, in the order in which they were first noted, the
 * other memories; and last, words that nobody has learned from yet, which are gone from here soon.
 *
 * A block that stands alone also has what the query finds, and by turns what is worth most and what was said last;
 * what the window shows comes later than the like of it.
 *
 * A block beside a delta is the same for every query, and hardly changes while the memory grows, since what a provider
 * has in its prefix cache pays for itself at a tenth of the price only as long as it stays: it is chosen from the
 * memories that there were when they had last grown by a quarter. What has come since is added at the end if it is
 * important, and else where there is room; the delta finds it in any case.
 */
export function selectBlock(selection: Selection): Rendered {
  const { all, found, isShown, profile, budget, count } = selection
  const most = Math.ceil(budget / LEAST_LINE)
  const hidden = all.filter((memory) => !isShown(memory)).sort(latestFirst)
  const pending = render(hidden.filter(isPending).slice(0, most), budget * PENDING_SHARE, count)
  const known = all.filter((memory) => !isPending(memory)).sort(asNoted)
  const chosenFrom = found ? known : known.slice(0, lastGrowth(known.length))
  const room = budget - pending.tokens
  const base = profile(chosenFrom.filter(isFact), Math.floor(room * (found ? PROFILE_SHARE : 1)))
  const rest = found ? alone(selection, found) : besideDelta(selection, chosenFrom, known)
  const lines = new Set([...pending.memories, ...rest])
  for (const memory of base.memories) lines.delete(memory)
  // One for the line break between the two.
  const left = base.text === '' ? budget : budget - base.tokens - 1
  const head = base.text === '' ? HEAD : NO_HEAD
  const { memories } = render([...lines].slice(0, most), left, count, head)
  const last = render(memories.sort(pendingLast), Number.POSITIVE_INFINITY, count, head)
  const text = [base.text, last.text].filter((part) => part !== '').join('\n')
  return { text, tokens: count(text), memories: [...base.memories, ...last.memories] }
}

/** What may go into a block that stands alone, first things first. */
function alone(selection: Selection, found: readonly Memory[]): Memory[] {
  const { all, isShown } = selection
  const latest = [...all].sort(latestFirst)
  const [shown, hidden] = [latest.filter(isShown), latest.filter((memory) => !isShown(memory))]
  const valuable = byDensity(hidden, selection)
  return [
    ...found.filter((memory) => !isShown(memory)),
    ...valuable.filter(isImportant),
    ...found,
    ...byDensity(shown, selection).filter(isImportant),
    ...valuable.flatMap((memory, i) => [memory, hidden[i] as Memory]),
    // The oldest of them leaves the window first.
    ...shown.reverse(),
  ]
}

/** The same for one beside a delta. */
function besideDelta(
  selection: Selection,
  chosenFrom: readonly Memory[],
  known: readonly Memory[],
): Memory[] {
  const since = known.slice(chosenFrom.length)
  return [...since.filter(isImportant), ...byDensity(chosenFrom, selection), ...since]
}

/** How many of `count` memories there were when they had last grown by a quarter. */
function lastGrowth(count: number): number {
  let grown = FIRST
  for (let next = grown; next <= count; next = Math.ceil(next * GROWTH)) grown = next
  return grown
}

/**
 * Most worth for its place first. Two short ones tell more than a long one of the same length, though not twice as
 * much: by the square root, whose exponent may be anything near without a difference. UTF-8 bytes go with tokens in
 * all scripts, roughly; day and speaker of a line take their place as well.
 */
function byDensity(memories: readonly Memory[], { worth }: Selection): Memory[] {
  const density = (memory: Memory) =>
    worth(memory) /
    Math.sqrt(FRAME_BYTES + Buffer.byteLength(memory.speaker) + Buffer.byteLength(memory.text))
  return memories
    .map((memory) => ({ memory, density: density(memory) }))
    .sort((a, b) => b.density - a.density || compare(a.memory.id, b.memory.id))
    .map(({ memory }) => memory)
}

function asNoted(a: Memory, b: Memory): number {
  return a.order - b.order || compare(a.id, b.id)
}

function latestFirst(a: Memory, b: Memory): number {
  return asNoted(b, a)
}

function pendingLast(a: Memory, b: Memory): number {
  return +isPending(a) - +isPending(b) || asNoted(a, b)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : +(a > b)
}

function isImportant({ importance }: Memory): boolean {
  return (importance ?? 0) >= IMPORTANT
}

/** A model has sorted it. */
function isFact({ kind, topic }: Memory): boolean {
  return kind === 'extracted' || (kind !== 'pending' && topic !== null)
}

function isPending({ kind }: Memory): boolean {
  return kind === 'pending'
}
