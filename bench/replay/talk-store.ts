import type { Services } from '../../sidecar/app/compose.ts'
import { addTurn } from '../../sidecar/learning/intake/add-turn.ts'
import { openEngine } from '../lib/engine.ts'
import { type Talk, type TalkQuestion, turnsOf } from '../talks/dataset.ts'

/** A turn of the joined conversation: one of the talk, or an inserted question. */
export interface JoinedTurn {
  at: number
  user: string
  assistant: string
  /** `session:turn` of a turn of the talk. */
  ref?: string
  question?: TalkQuestion
}

export const NAMESPACE = 'bench'
const CONVERSATION = 'joined'

/** Spreads the questions evenly: the golden ratio. */
const SPREAD = 0.618_034

/**
 * Joins the sessions of a talk into one conversation and inserts each question as a turn with its answer, somewhere
 * after the turns that it is about.
 */
export function joinTalk(talk: Talk): JoinedTurn[] {
  const said = turnsOf(talk)
  const indexes = new Map(said.map(({ ref }, i) => [ref, i]))
  const inserted = Map.groupBy(
    talk.questions.map((question, i) => {
      const known = [...question.evidence, ...question.stale].map((ref) => indexes.get(ref) ?? 0)
      const first = Math.max(0, ...known)
      const after = first + Math.floor(((i * SPREAD) % 1) * (said.length - first))
      return { question, after }
    }),
    ({ after }) => after,
  )
  return said.flatMap(({ ref, at, user, assistant }, i) => [
    { ref, at: Date.parse(at), user, assistant },
    ...(inserted.get(i) ?? []).map(({ question }) => ({
      ...{ question, at: Date.parse(at), user: question.q, assistant: question.answer },
    })),
  ])
}

/** A store in memory with one joined talk per user, in verbatim mode. */
export async function storeTalks(talks: readonly Talk[]): Promise<Services> {
  let now = 0
  const services = openEngine(':memory:', () => now)
  for (const talk of talks) {
    for (const [i, { at, user, assistant }] of joinTalk(talk).entries()) {
      // Turns of a session have the same time; memories are ordered by it.
      now = Math.max(now + 1, at)
      const messages = [
        { role: 'user' as const, content: user, at },
        { role: 'assistant' as const, content: assistant, at },
      ]
      const scope = { namespace: NAMESPACE, userId: talk.id }
      await addTurn(services.engine, scope, { messages, conversationId: CONVERSATION, turn: i + 1 })
    }
    now = 0
  }
  return services
}
