import { z } from 'zod'
import { wordKey } from '../../text/identity.ts'
import type { LocalTime } from '../../text/local-time.ts'
import { statementKey } from '../../text/verbatim/answers.ts'
import { id, jsonObject, role, type Time, text, turnNumber, utcOffset, version } from './fields.ts'
import { graphFields, type MemoryGraph } from './graph.ts'
import { derivedId } from './scope.ts'

export type Role = z.output<typeof role>

/** The message that stated a memory; a repeated statement adds a source. */
const sourceFields = <T extends Time>(time: T) => ({
  turn_id: id,
  conversation_id: text,
  turn: turnNumber,
  /** Index of the message in its turn, from 0. */
  ordinal: z.int().nonnegative(),
  /** When it was said. */
  at: time,
  utc_offset: utcOffset,
})
const storedSource = z.object(sourceFields(z.number()))
export type Source = z.output<typeof storedSource>

/** A record of the collection `memories`. */
export const memoryFields = <T extends Time>(time: T) => ({
  id,
  text: z.string(),
  role,
  /** The speaker's name, or the role where no name was given. */
  speaker: z.string(),
  agent_id: text,
  run_id: text,
  app_id: text,
  metadata: jsonObject,
  /**
   * The origin of the text. `verbatim`: copied from a message. `pending`: the same, until the turn is extracted.
   * `extracted`: a fact that the model found. `imported`: imported as a memory.
   */
  kind: z.enum(['verbatim', 'pending', 'extracted', 'imported']),
  /** Topic and sub-topic of the app's schema; `null` for a text that no model classified. */
  topic: text,
  sub_topic: text,
  /** 1 (small talk) to 5; `null` for a text that no model rated. */
  importance: z.number().nullable().default(null),
  /** Date of the event: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
  event_date: text,
  /** From 1; increments with each revision. */
  version,
  /** Start of the validity of this version: the time of the statement or of the correction. */
  valid_from: time,
  /** When it ceases to be recalled; `null` for never. */
  expires_at: time.nullable().default(null),
  /** The end of the message before. It is searched with the text; of it, only the question of a short answer is shown. */
  context: text,
  /** Oldest first. */
  sources: z.array(z.looseObject(sourceFields(time))).min(1),
  /** Sort key in the scope: epoch microseconds of the first write plus the position in the turn. */
  order: z.int().nonnegative(),
  created_at: time,
  updated_at: time,
  ...graphFields(time),
  /** Earlier versions with the same content, which an undo restored. */
  same_as: z.array(version).optional(),
  /** On a past version: it counts as never valid, because the turn that stated it was replaced. */
  taken_back: z.literal(true).optional(),
})
const { mentions: _mentions, relations: _relations, ...plainFields } = memoryFields(z.number())
const storedMemory = z.object({ ...plainFields, sources: z.array(storedSource) })
export type Memory = z.output<typeof storedMemory> & MemoryGraph

/** The fields that another version of a memory replaces together. */
export type Content = Pick<
  Memory,
  'text' | 'topic' | 'sub_topic' | 'importance' | 'event_date' | 'expires_at'
> &
  MemoryGraph

export function contentOf(memory: Content): Content {
  const { text, topic, sub_topic, importance, event_date, expires_at, mentions, relations } = memory
  return { text, topic, sub_topic, importance, event_date, expires_at, mentions, relations }
}

/** Short: pending. Mid: of one run. Long: of the user. */
export type Tier = 'short' | 'mid' | 'long'

export function tierOf(memory: Pick<Memory, 'kind' | 'run_id'>): Tier {
  if (memory.kind === 'pending') return 'short'
  return memory.run_id === null ? 'long' : 'mid'
}

/** When it was first said. */
export function firstSaidAt({ sources, created_at }: Pick<Memory, 'sources' | 'created_at'>): LocalTime {
  return sources[0] ?? { at: created_at }
}

const MAX_SOURCES = 32

/** Sources oldest first, at most `MAX_SOURCES`: the first and the latest. */
export function boundSources(sources: readonly Source[]): Source[] {
  const sorted = sources.toSorted((a, b) => a.at - b.at)
  if (sorted.length > MAX_SOURCES) sorted.splice(1, sorted.length - MAX_SOURCES)
  return sorted
}

/** What decides which memory a statement belongs to. The context of a short answer is part of it. */
export type Statement = Pick<Memory, 'agent_id' | 'run_id' | 'speaker' | 'text'> &
  Partial<Pick<Memory, 'context'>>

/**
 * The id of a statement: the same text of the same speaker, agent and run is the same memory.
 * @param nth above 0 where the memories with the lower ids were corrected to other texts
 */
export function memoryIdOf(scope: string, statement: Statement, nth = 0): string {
  return idFrom('statement', scope, statement, statementKey(statement), nth)
}

/** The id of a memory that was stored before `memoryIdOf` had this form: texts that differ in symbols, case or width shared it. */
export function legacyMemoryIdOf(scope: string, statement: Statement, nth = 0): string {
  return idFrom('memory', scope, statement, wordKey(statement.text), nth)
}

function idFrom(
  kind: string,
  scope: string,
  { agent_id, run_id, speaker }: Statement,
  key: string,
  nth: number,
): string {
  const identity = [scope, agent_id ?? '', run_id ?? '', speaker, key]
  return derivedId(kind, ...identity, ...(nth === 0 ? [] : [String(nth)]))
}
