import type { Memory } from '../../memory/memory.ts'
import { type Rendered, render } from '../render.ts'
import type { CountTokens } from '../tokens.ts'

export interface Selection {
  all: readonly Memory[]
  /** How much a memory is worth to know, 0…1. */
  worth: (memory: Memory) => number
  /** What the query finds, best first; absent where that is shown beside the block. */
  found: readonly Memory[] | undefined
  /** Whether the window shows it at the moment. */
  isShown: (memory: Memory) => boolean
  /** Tokens. */
  budget: number
  count: CountTokens
}

/** What a model judged at least this important belongs into every block. */
const IMPORTANT = 4
/** Words that wait to be learned from take no more of a block, so that a model that is away does not fill it. */
const PENDING_SHARE = 0.5
/** Tokens that no line of a block stays below: day, speaker, and a word. */
const LEAST_LINE = 12

/**
 * The memories that are best for this user in the turns to come, as one text in an order that depends on nothing but
 * them. First come words that nobody has learned from yet and that have left the window.
 *
 * A block that stands alone then has what the query finds, what is important, and by turns what is worth most and what
 * was said last; what the window shows comes later than the like of it. A block beside a delta has what is worth most,
 * so that it is the same for every query and hardly changes while the memory grows: what a provider has in its prefix
 * cache pays for itself at a tenth of the price only as long as it stays.
 */
export function selectBlock({ all, worth, found, isShown, budget, count }: Selection): Rendered {
  const most = Math.ceil(budget / LEAST_LINE)
  const latest = [...all].sort(latestFirst)
  const [shown, hidden] = [latest.filter(isShown), latest.filter((memory) => !isShown(memory))]
  const pending = render(hidden.filter(isPending).slice(0, most), budget * PENDING_SHARE, count).memories
  const order = new Set(pending)
  const add = (memories: readonly Memory[]) => {
    for (const memory of memories) order.add(memory)
  }
  const values = new Map(all.map((memory) => [memory, densityOf(memory, worth)]))
  const byValue = (memories: readonly Memory[]) =>
    [...memories].sort((a, b) => (values.get(b) as number) - (values.get(a) as number) || compare(a.id, b.id))
  if (found) {
    const isImportant = ({ importance }: Memory) => (importance ?? 0) >= IMPORTANT
    add(found.filter((memory) => !isShown(memory)))
    add(byValue(hidden.filter(isImportant)))
    add(found)
    add(byValue(shown.filter(isImportant)))
    const valuable = byValue(hidden)
    add(valuable.flatMap((memory, i) => [memory, hidden[i] as Memory]))
    // The oldest of them leaves the window first.
    add(shown.reverse())
  } else add(byValue(all))
  const { memories } = render([...order].slice(0, most), budget, count)
  return render([...memories].sort(canonical), Number.POSITIVE_INFINITY, count)
}

/**
 * What a memory brings for its place. Two short ones tell more than a long one of the same length, though not twice
 * as much: by the square root, whose exponent may be anything near without a difference. UTF-8 bytes go with tokens
 * in all scripts, roughly.
 */
function densityOf(memory: Memory, worth: (memory: Memory) => number): number {
  return worth(memory) / Math.sqrt(Buffer.byteLength(memory.text) + 1)
}

/** By topic, and within one as it was said. */
function canonical(a: Memory, b: Memory): number {
  return compare(a.topic ?? '', b.topic ?? '') || a.order - b.order || compare(a.id, b.id)
}

function latestFirst(a: Memory, b: Memory): number {
  return b.order - a.order || compare(a.id, b.id)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : +(a > b)
}

function isPending({ kind }: Memory): boolean {
  return kind === 'pending'
}
