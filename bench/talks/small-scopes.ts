import { readFileSync } from 'node:fs'
import { analyseQuery } from '../../sidecar/retrieval/ranking/query.ts'
import { rank } from '../../sidecar/retrieval/ranking/rank.ts'
import { DEFAULT_SETTINGS } from '../../sidecar/retrieval/ranking/settings.ts'
import { type Indexed, indexMemory } from '../lib/rank-memories.ts'
import { mean } from '../lib/statistics.ts'
import { table } from '../lib/table.ts'
import { type Talk, turnsOf } from './dataset.ts'

/** Queries that have nothing to do with any talk, by language. */
const OFF_TOPIC: Record<string, string[]> = JSON.parse(
  readFileSync(new URL('off-topic.json', import.meta.url), 'utf8'),
)
/** Random scopes per query. */
const SAMPLES = 4

interface Message {
  ref: string
  memory: Indexed
}

/** Share of questions and of off-topic queries that pass the floor, in scopes of few messages, without a model. */
export function measureSmallScopes(talks: readonly Talk[], sizes: readonly number[]): string {
  const rows = sizes.map((size) => {
    const answered: number[] = []
    const offTopic: number[] = []
    for (const talk of talks) {
      const messages = messagesOf(talk)
      const random = numbersFrom(talk.id)
      const sample = (kept: readonly Message[]) => {
        const others = messages.filter((one) => !kept.includes(one))
        const chosen = [...kept]
        while (chosen.length < size && others.length > 0) {
          chosen.push(...others.splice(Math.floor(random() * others.length), 1))
        }
        return chosen.map(({ memory }) => memory)
      }
      for (const { q, evidence } of talk.questions) {
        const kept = messages.filter(({ ref }) => evidence.includes(ref)).slice(0, size)
        for (let i = 0; i < SAMPLES && kept.length > 0; i++) answered.push(passes(sample(kept), q))
      }
      for (const query of OFF_TOPIC[talk.lang] ?? []) {
        for (let i = 0; i < SAMPLES; i++) offTopic.push(passes(sample([]), query))
      }
    }
    return [String(size), ...[answered, offTopic].map((all) => `${(100 * mean(all)).toFixed(1)} %`)]
  })
  return table([['memories', 'questions answered', 'off-topic queries answered'], ...rows])
}

function passes(memories: readonly Indexed[], query: string): number {
  const candidates = memories.map((memory) => ({ ...memory, similarity: 0 }))
  const { isRelevant } = rank(candidates, analyseQuery(query), { total: candidates.length }, DEFAULT_SETTINGS)
  return isRelevant ? 1 : 0
}

function messagesOf(talk: Talk): Message[] {
  return turnsOf(talk).flatMap(({ ref, session, turn, at, ...said }) =>
    (['user', 'assistant'] as const).map((role, ordinal) => {
      const text = said[role]
      const place = { conversationId: `session-${session}`, turn, ordinal, at: Date.parse(at) }
      const context = role === 'assistant' ? said.user : ''
      const memory = indexMemory({ id: `${ref}/${role}`, role, speaker: role, text, context, ...place })
      return { ref, memory }
    }),
  )
}

/** Pseudo-random numbers in 0…1, the same for the same seed. */
function numbersFrom(seed: string): () => number {
  let state = [...seed].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 1)
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
