import { readFileSync } from 'node:fs'
import { turnsOf } from '../demo/dialogue.ts'
import { readLocomo } from '../locomo/dataset.ts'
import type { InputMessage, TurnToAdd } from './system.ts'

/** The facts that the scripted model extracts from each message, the same for both systems. */
export class FactBook {
  readonly #facts = new Map<string, string[]>()
  readonly #summaries = new Map<string, string>()

  /** @param summary summary of the conversation so far, for systems that keep one */
  set(
    { speaker, text }: Pick<InputMessage, 'speaker' | 'text'>,
    facts: readonly string[],
    summary = '',
  ): void {
    const key = keyOf(speaker, text)
    this.#facts.set(key, [...(this.#facts.get(key) ?? []), ...facts])
    this.#summaries.set(key, summary)
  }

  /** @throws {Error} on an unknown message, which means that a prompt was parsed incorrectly */
  factsOf(speaker: string, text: string): readonly string[] {
    const facts = this.#facts.get(keyOf(speaker, text))
    if (!facts) throw new Error(`prompt: expected messages of the benchmark, got ${speaker}: ${text}`)
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
  /** Number of facts in these turns. */
  facts: number
}

/** A fact that only the last turn states, and the question that checks it. */
export const PLANTED = {
  said: 'By the way, the code of my locker at the swimming pool is 4711 now.',
  fact: 'The code of the locker at the swimming pool is 4711.',
  question: 'What is the code of the locker at the swimming pool?',
  answer: '4711',
}

/** Reads the first `count` turns of a LoCoMo conversation with its observations as facts, and appends the planted turn. */
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
  if (observed.size === 0) throw new Error(`--data: expected observations for ${conversationId}, got none`)

  const book = new FactBook()
  let facts = 0
  const turns = turnsOf(conversation)
    .slice(0, count)
    .map(({ conversationId, turn, user, assistant }) => {
      const messages = [user, ...(assistant ? [assistant] : [])].map((message, i): InputMessage => {
        const found = observed.get(message.id) ?? []
        facts += found.length
        book.set(message, found, raw?.session_summary?.[`session_${message.session}_summary`])
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
  const planted: InputMessage = {
    role: 'user',
    speaker: last.speaker,
    text: PLANTED.said,
    at: last.at + 60_000,
  }
  book.set(planted, [PLANTED.fact])
  turns.push({ conversationId: `${conversationId}-planted`, turn: 1, messages: [planted] })
  return { userId: conversationId, turns, book, facts: facts + 1 }
}

function factsById(observations: Observations = {}): Map<string, string[]> {
  const byId = new Map<string, string[]>()
  for (const bySpeaker of Object.values(observations)) {
    for (const [fact, ids] of Object.values(bySpeaker).flat()) {
      // A fact from several messages is known after the last of them.
      const id = [ids].flat().at(-1) ?? ''
      byId.set(id, [...(byId.get(id) ?? []), fact])
    }
  }
  return byId
}
