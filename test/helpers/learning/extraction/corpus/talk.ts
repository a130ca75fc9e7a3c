import type {
  ExtractionBatch,
  ExtractionRules,
  Fact,
  Importance,
} from '../../../../../sidecar/learning/extraction/types.ts'
import { OTHER } from '../../../../../sidecar/memory/model/topics.ts'

/** An item of "facts" as a good answer writes it. */
export type GoodFact = ReturnType<typeof fact>

export interface GoodAnswer {
  facts: GoodFact[]
  entities: { name: string; type: string }[]
  relations: ReturnType<typeof relation>[]
  summary: string
}

/** A conversation with the answer that a good model gives to it. Lines alternate between user and assistant. */
export interface Talk {
  language: string
  user: string
  lines: readonly string[]
  good: GoodAnswer
}

export function fact(
  text: string,
  slot: string,
  message: number,
  importance: Importance,
  event_date: string | null = null,
) {
  const [topic = '', sub_topic = ''] = slot.split('/')
  return { text, topic, sub_topic, messages: [message], importance, event_date }
}

export function relation(
  subject: string,
  predicate: string,
  object: string,
  message: number,
  event_date: string | null = null,
) {
  return { subject, predicate, object, messages: [message], event_date }
}

export const RULES: ExtractionRules = {
  remember: 'user',
  custom_instructions: '',
  include_topics: [],
  exclude_topics: [],
  topics: [],
}

/** Two lines are a turn; every message has the same date, 3 May 2026. */
export function batchOf({ user, lines }: Talk, rules: Partial<ExtractionRules> = {}): ExtractionBatch {
  const at = Date.parse('2026-05-03T10:00:00Z')
  const messages = lines.map((content, i) =>
    i % 2 === 0
      ? { role: 'user' as const, name: user, content, at }
      : { role: 'assistant' as const, content, at },
  )
  const turns = Array.from({ length: Math.ceil(messages.length / 2) }, (_, i) => ({
    turnId: `t${i + 1}`,
    turn: i + 1,
    messages: messages.slice(2 * i, 2 * i + 2),
  }))
  return { summary: '', recent: [], turns, rules: { ...RULES, ...rules } }
}

/** The message with this number, as a source. */
function sourceOf(number: number): Fact['source'][number] {
  return { turnId: `t${Math.ceil(number / 2)}`, ordinal: (number - 1) % 2 }
}

/** The facts that a good answer holds. */
export function factsOf(talk: Talk): Fact[] {
  return talk.good.facts.map((fact) => ({
    text: fact.text,
    topic: fact.topic,
    subTopic: fact.sub_topic,
    speaker: talk.user,
    role: 'user',
    importance: fact.importance,
    eventDate: fact.event_date,
    source: fact.messages.map(sourceOf),
  }))
}

/** The facts of an answer that gives their texts alone: no topic, and all that the user said as source. */
export function textsAlone(talk: Talk): Fact[] {
  return factsOf(talk).map(({ text, speaker, role }) => ({
    text,
    topic: OTHER,
    subTopic: '',
    speaker,
    role,
    importance: 3,
    eventDate: null,
    source: allOfUser(talk),
  }))
}

/** Every message of the user as a source. */
export function allOfUser(talk: Talk): Fact['source'] {
  return talk.lines.flatMap((_, i) => (i % 2 === 0 ? [sourceOf(i + 1)] : []))
}
