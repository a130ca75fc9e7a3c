import type { Dialogue, DialogueMessage, DialogueQuestion } from './dialogue.ts'

/** A turn of the joined conversation: one of the dialogue, or an inserted question with its answer. */
export interface JoinedTurn {
  messages: DialogueMessage[]
  /** Ref of a turn of the dialogue. */
  ref?: string
  question?: DialogueQuestion
}

/**
 * Where the questions are asked. `spread`: each one somewhere after the turns that it is about, so that it has nothing to
 * do with the turn before. `topic`: all at the end, in the order of the turns that they are about. `shuffled`: all at the
 * end, pseudo-random.
 */
export const ORDERS = ['spread', 'topic', 'shuffled'] as const
export type Order = (typeof ORDERS)[number]

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** The golden ratio, which spreads evenly. */
const SPREAD = 0.618_034

/** Inserts the questions of a dialogue into its turns. */
export function joinDialogue({ turns, questions }: Dialogue, order: Order = 'spread'): JoinedTurn[] {
  const indexes = new Map(turns.map(({ ref }, i) => [ref, i]))
  const placed = questions.map((question, i) => {
    const known = [...question.evidence, ...question.stale].map((ref) => indexes.get(ref) ?? 0)
    const first = Math.max(0, ...known)
    const share = (i * SPREAD) % 1
    return { question, first, share, after: first + Math.floor(share * (turns.length - first)) }
  })
  const said = turns.map(({ ref, messages }): JoinedTurn => ({ ref, messages }))
  const end = turns.at(-1)?.messages[0]?.at ?? 0
  if (order !== 'spread') {
    const asked = placed.toSorted((a, b) => (order === 'topic' ? a.first - b.first : a.share - b.share))
    const start = Math.max(end + DAY_MS, ...questions.map(({ at = 0 }) => at))
    return [...said, ...asked.map(({ question }, i) => toTurn(question, start + i * MINUTE_MS))]
  }
  const inserted = Map.groupBy(placed, ({ after }) => after)
  return said.flatMap((turn, i) => [
    turn,
    ...(inserted.get(i) ?? []).map(({ question }) => toTurn(question, turn.messages[0]?.at ?? end)),
  ])
}

function toTurn(question: DialogueQuestion, at: number): JoinedTurn {
  const said = [
    { role: 'user' as const, content: question.question, at },
    { role: 'assistant' as const, content: question.answer, at },
  ]
  return { question, messages: said.filter(({ content }) => content !== '') }
}
