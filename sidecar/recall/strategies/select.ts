import type { Memory } from '../../memory/memory.ts'
import type { Found } from '../recall.ts'
import { type Rendered, render } from '../render.ts'
import type { CountTokens } from '../tokens.ts'

export interface Selection {
  all: readonly Memory[]
  /** What the query finds, best first. */
  found: readonly Found[]
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

/**
 * The memories that are best for this user in the turns to come, as one text in an order that depends on nothing but
 * them. First come the words that nobody has learned from yet, then what the query finds, what is important, and what
 * was said last. What the window shows comes later than the like of it: it is needed only when its turn has left.
 */
export function selectBlock({ all, found, isShown, budget, count }: Selection): Rendered {
  const hidden: Memory[] = []
  const shown: Memory[] = []
  for (const memory of [...all].sort(latestFirst)) (isShown(memory) ? shown : hidden).push(memory)
  const [foundHidden, foundShown] = [
    found.filter(({ memory }) => !isShown(memory)),
    found.filter(({ memory }) => isShown(memory)),
  ]
  const pending = render(hidden.filter(isPending), budget * PENDING_SHARE, count).memories
  const order = new Set([
    ...pending,
    ...foundHidden.map(({ memory }) => memory),
    ...hidden.filter(isImportant).sort((a, b) => (b.importance ?? 0) - (a.importance ?? 0)),
    ...foundShown.map(({ memory }) => memory),
    ...shown.filter(isImportant),
    ...hidden,
    // The oldest of them leaves the window first.
    ...shown.reverse(),
  ])
  const { memories } = render([...order], budget, count)
  return render([...memories].sort(canonical), Number.POSITIVE_INFINITY, count)
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

function isImportant({ importance }: Memory): boolean {
  return (importance ?? 0) >= IMPORTANT
}
