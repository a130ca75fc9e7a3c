import type { Message } from '../../memory/model/turns.ts'
import type { AppRules } from '../../memory/rules/rules.ts'
import type { LocalTime } from '../../text/local-time.ts'

/** A message of a batch or of its context. Relative dates in it refer to its local time. */
export type ExtractMessage = Message & LocalTime

export interface ExtractTurn {
  turnId: string
  turn: number | null
  messages: readonly ExtractMessage[]
}

/** The input of one model call. */
export interface ExtractionBatch {
  /** Rolling summary of the conversation before the batch; `''` when there is none. */
  summary: string
  /** The last messages before the batch, oldest first. They are context only: no facts are taken from them. */
  recent: readonly ExtractMessage[]
  turns: readonly ExtractTurn[]
  rules: ExtractionRules
}

export type ExtractionRules = Pick<
  AppRules,
  'remember' | 'custom_instructions' | 'include_topics' | 'exclude_topics' | 'topics'
>

/** The origin of a statement: the message with this ordinal (from 0) of this turn. */
export interface FactSource {
  turnId: string
  ordinal: number
}

export type Importance = 1 | 2 | 3 | 4 | 5

export interface Fact {
  /** One self-contained sentence in the language of its message. */
  text: string
  /** A topic of the schema, or `other`. */
  topic: string
  /** `''` when the model gave none. */
  subTopic: string
  /** The name of the speaker, or the role when there is no name. */
  speaker: string
  role: 'user' | 'assistant'
  importance: Importance
  /** Date of the event: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
  eventDate: string | null
  /** Never empty; in the order of the conversation. */
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

/** Why an answer could not be used. These values are stable: states and metrics show them. */
export type UnreadableReason =
  | 'empty'
  /** No readable JSON. */
  | 'no_json'
  /** Cut off by the token limit or otherwise; the number of missing facts is unknown. */
  | 'truncated'
  | 'refused'
  /** JSON without facts: a schema, a profile, an error, placeholders. */
  | 'wrong_shape'
  /** Facts in another script than their messages. */
  | 'wrong_language'
  /** More or longer than an answer about one batch can be. */
  | 'too_large'

export interface UnreadableAnswer {
  reason: UnreadableReason
  /** Contains no text of the conversation. */
  detail: string
  /** The complete facts of a truncated answer, for a batch that cannot be split. */
  partial?: Extraction | undefined
}

export type ExtractionOutcome =
  | { status: 'read'; extraction: Extraction }
  | ({ status: 'unreadable' } & UnreadableAnswer)

/** Maximum lengths in UTF-16 code units, and maximum numbers per batch. */
export const MAX_FACT_LENGTH = 1_000
export const MAX_SUMMARY_LENGTH = 1_000
export const MAX_FACTS = 100
export const MAX_RELATED = 100
