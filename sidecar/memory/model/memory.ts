import type { JsonObject } from '../../ports/records.ts'

export type Role = 'user' | 'assistant' | 'system'

/** The message that stated a memory; a repeated statement adds a source. */
export interface Source {
  turn_id: string
  conversation_id: string | null
  turn: number | null
  /** Index of the message in its turn, from 0. */
  ordinal: number
  /** When it was said, epoch milliseconds. */
  at: number
}

/**
 * The origin of the text. `verbatim`: copied from a message. `pending`: the same, until the turn is extracted.
 * `extracted`: a fact that the model found. `imported`: imported as a memory.
 */
export type Kind = 'verbatim' | 'pending' | 'extracted' | 'imported'

/** Short: pending. Mid: of one run. Long: of the user. */
export type Tier = 'short' | 'mid' | 'long'

export function tierOf(memory: Pick<Memory, 'kind' | 'run_id'>): Tier {
  if (memory.kind === 'pending') return 'short'
  return memory.run_id === null ? 'long' : 'mid'
}

/** A memory as it is stored: the payload of a record of the collection `memories`. */
export interface Memory {
  id: string
  text: string
  role: Role
  /** The speaker's name, or the role where no name was given. */
  speaker: string
  agent_id: string | null
  run_id: string | null
  app_id: string | null
  metadata: JsonObject
  kind: Kind
  /** Topic and sub-topic of the app's schema; `null` for a text that no model classified. */
  topic: string | null
  sub_topic: string | null
  /** 1 (small talk) to 5; `null` for a text that no model rated. */
  importance: number | null
  /** Date of the event: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
  event_date: string | null
  /** From 1; increments with each revision. */
  version: number
  /** Start of the validity of this version, epoch milliseconds: the time of the statement or of the correction. */
  valid_from: number
  /** Epoch milliseconds from which it is no longer recalled; `null` for never. */
  expires_at: number | null
  /** The end of the message before. It is searched with the text, and never shown. */
  context: string | null
  /** Oldest first; never empty. */
  sources: Source[]
  /** Sort key in the scope: epoch microseconds of the first write plus the position in the turn. */
  order: number
  /** Epoch milliseconds. */
  created_at: number
  updated_at: number
  /** Earlier versions with the same content, which an undo restored. */
  same_as?: readonly number[] | undefined
  /** On a past version: it counts as never valid, because the turn that stated it was replaced. */
  taken_back?: true | undefined
}
