import type { Role } from '../memory.ts'
import type { Topic } from '../model/topics.ts'
import type { Remember } from '../turns.ts'

/** A message of a batch or of its context. */
export interface ExtractMessage {
  role: Role
  name?: string | undefined
  content: string
  /** When it was said, epoch milliseconds; relative dates in it are read against this. */
  at: number
}

export interface ExtractTurn {
  turnId: string
  turn: number | null
  messages: readonly ExtractMessage[]
}

/** What one model call reads. */
export interface ExtractionBatch {
  /** Rolling summary of the conversation before the batch, `''` when there is none. */
  summary: string
  /** Last messages before the batch, oldest first: to understand it by, no fact is taken from them. */
  recent: readonly ExtractMessage[]
  turns: readonly ExtractTurn[]
  rules: ExtractionRules
}

/** What an app wants remembered. Empty lists and strings mean: no such rule. */
export interface ExtractionRules {
  /** Whose statements may become facts. */
  remember: Remember
  /** The author's own words to the model. */
  customInstructions: string
  /** When not empty, facts of other topics are left out. */
  includeTopics: readonly string[]
  /** Facts of these topics are left out. */
  excludeTopics: readonly string[]
  /** The schema that facts are sorted into; `DEFAULT_TOPICS` when empty. */
  topics: readonly Topic[]
}

/** Where something was said: the message with this ordinal (from 0) of this turn. */
export interface FactSource {
  turnId: string
  ordinal: number
}

export type Importance = 1 | 2 | 3 | 4 | 5

export interface Fact {
  /** One self-contained sentence in the language that it was said in. */
  text: string
  /** A topic of the schema, or `other`. */
  topic: string
  /** `''` when the model gave none. */
  subTopic: string
  /** Who said it: the name, or the role where no name was given. */
  speaker: string
  role: 'user' | 'assistant'
  importance: Importance
  /** When it happened or will: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
  eventDate: string | null
  /** Never empty, in the order of the conversation. */
  source: FactSource[]
}

export interface Entity {
  name: string
  type: string
}

export interface Relation {
  subject: string
  predicate: string
  object: string
  eventDate: string | null
  source: FactSource[]
}

export interface Extraction {
  facts: Fact[]
  entities: Entity[]
  relations: Relation[]
  /** The new rolling summary, at most `MAX_SUMMARY_LENGTH` long; the old one when the model gave none. */
  summary: string
}

/** Why an answer could not be used; stable words for states and metrics. */
export type UnreadableReason =
  | 'empty'
  /** Text without any facts in a form that is understood. */
  | 'no_json'
  /** Cut off, by the token limit or otherwise: what is missing cannot be known. */
  | 'truncated'
  | 'refused'
  /** JSON, but no facts in it: a schema, a profile, an error, placeholders. */
  | 'wrong_shape'
  /** Facts in a script that their messages are not written in. */
  | 'wrong_language'
  /** More, or longer, than an answer about one batch can be. */
  | 'too_large'

export type ExtractionOutcome =
  | {
      status: 'read'
      extraction: Extraction
      /** What it took: the answer was clean, was mended, or came on the second try. */
      repair: 'none' | 'repaired' | 'retried'
      /** What was mended, guessed or left out, for history and logs; without text of the conversation. */
      notes: string[]
    }
  | { status: 'unreadable'; reason: UnreadableReason; detail: string }

/** Greatest lengths in UTF-16 code units, and greatest numbers per batch. */
export const MAX_ANSWER_LENGTH = 200_000
export const MAX_FACT_LENGTH = 1_000
export const MAX_SUMMARY_LENGTH = 1_000
export const MAX_FACTS = 100
export const MAX_RELATED = 100
