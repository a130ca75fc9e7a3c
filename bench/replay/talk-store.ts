import { createInProcessCache } from '../../sidecar/adapters/in-process/cache.ts'
import { lexicalEmbedder } from '../../sidecar/adapters/in-process/lexical-embedder.ts'
import { createInProcessScopeLock } from '../../sidecar/adapters/in-process/lock.ts'
import { createInProcessScopeState } from '../../sidecar/adapters/in-process/scope-state.ts'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import { compose, type Services } from '../../sidecar/app/compose.ts'
import { Ledger } from '../../sidecar/insight/ledger/ledger.ts'
import { parsePrices } from '../../sidecar/insight/ledger/prices.ts'
import { addTurn } from '../../sidecar/learning/intake/add-turn.ts'
import { createLog } from '../../sidecar/ports/log.ts'
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
  const records = openSqliteRecords(':memory:')
  const bounds = { maxEntries: 1000, maxBytes: 1e8, now: () => now }
  const services = compose(
    {
      records,
      cache: createInProcessCache(bounds),
      scopeState: createInProcessScopeState(bounds),
      scopeLock: createInProcessScopeLock(),
      embedder: lexicalEmbedder(),
      model: undefined,
      ledger: new Ledger({ records, prices: parsePrices('') }),
    },
    { embeddingDeadlineMs: 60_000, now: () => now },
    createLog('error', (line) => console.error(line)),
  )
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
