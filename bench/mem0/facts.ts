import { readFileSync } from 'node:fs'
import { turnsOf } from '../demo/dialogue.ts'
import { readLocomo } from '../locomo/dataset.ts'
import type { Said, TurnToAdd } from './system.ts'

/** What a good model takes from messages: the scripted model looks it up here, for both systems alike. */
export class FactBook {
  readonly #facts = new Map<string, string[]>()
  readonly #summaries = new Map<string, string>()

  /** `summary`: of the conversation so far, for systems that keep one. */
  write({ speaker, text }: Pick<Said, 'speaker' | 'text'>, facts: readonly string[], summary = ''): void {
    const key = keyOf(speaker, text)
    this.#facts.set(key, [...(this.#facts.get(key) ?? []), ...facts])
    this.#summaries.set(key, summary)
  }

  /** @throws {Error} on a message that was never written in: a prompt was taken apart in the wrong way */
  factsOf(speaker: string, text: string): readonly string[] {
    const facts = this.#facts.get(keyOf(speaker, text))
    if (!facts) throw new Error(`Expected a prompt with messages of the benchmark, got ${speaker}: ${text}`)
    return facts
  }

  summaryAt(speaker: string, text: string): string {
    return this.#summaries.get(keyOf(speaker, text)) ?? ''
  }
}

function keyOf(speaker: string, text: string): string {
  return `${speaker}: ${text.replace(/\s+/gu, ' ').trim()}`
}

type Observations = Record<string, Record<string, [fact: string, ids: string | string[]][]>>

interface RawFile {
  sample_id: string
  observation?: Observations
  session_summary?: Record<string, string>
}

export interface Script {
  userId: string
  turns: TurnToAdd[]
  book: FactBook
  /** Facts in all, of these turns. */
  facts: number
}

/** Something that only the last turn says, and how it is asked for. */
export const PLANTED = {
  said: 'By the way, the code of my locker at the swimming pool is 4711 now.',
  fact: 'The code of the locker at the swimming pool is 4711.',
  question: 'What is the code of the locker at the swimming pool?',
  answer: '4711',
}

/** The first `count` turns of a LoCoMo conversation with its own observations as facts, and the planted turn. */
export function readScript(path: string, conversationId: string, count: number): Script {
  const all = readLocomo(path)
  const conversation = all.find(({ id }) => id === conversationId)
  if (!conversation) {
    throw new Error(
      `--conversation: expected one of ${all.map(({ id }) => id).join(', ')}, got ${conversationId}`,
    )
  }
  const raw = (JSON.parse(readFileSync(path, 'utf8')) as RawFile[]).find(
    (one) => one.sample_id === conversationId,
  )
  const observed = factsById(raw?.observation)
  if (observed.size === 0)
    throw new Error(`--data: expected ${conversationId} to have observations, got none`)

  const book = new FactBook()
  let facts = 0
  const turns = turnsOf(conversation)
    .slice(0, count)
    .map(({ conversationId, turn, user, assistant }) => {
      const messages = [user, ...(assistant ? [assistant] : [])].map((message, i): Said => {
        const found = observed.get(message.id) ?? []
        facts += found.length
        book.write(message, found, raw?.session_summary?.[`session_${message.session}_summary`])
        return {
          role: i === 0 ? 'user' : 'assistant',
          speaker: message.speaker,
          text: message.text,
          at: message.at,
        }
      })
      return { conversationId, turn, messages }
    })
  const last = turns.at(-1)?.messages.at(-1)
  if (!last) throw new Error(`--turns: expected at least 1, got ${count}`)
  const planted: Said = { role: 'user', speaker: last.speaker, text: PLANTED.said, at: last.at + 60_000 }
  book.write(planted, [PLANTED.fact])
  turns.push({ conversationId: `${conversationId}-planted`, turn: 1, messages: [planted] })
  return { userId: conversationId, turns, book, facts: facts + 1 }
}

function factsById(observations: Observations = {}): Map<string, string[]> {
  const byId = new Map<string, string[]>()
  for (const ofSpeakers of Object.values(observations)) {
    for (const [fact, ids] of Object.values(ofSpeakers).flat()) {
      // A fact of several messages is known when the last of them was said.
      const id = [ids].flat().at(-1) ?? ''
      byId.set(id, [...(byId.get(id) ?? []), fact])
    }
  }
  return byId
}
