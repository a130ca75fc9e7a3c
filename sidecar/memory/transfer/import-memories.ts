import type { JsonObject } from '../../ports/records.ts'
import { derivedId } from '../../scope.ts'
import type { Cause } from '../history.ts'
import type { Memory, Role } from '../memory.ts'
import { normaliseForDuplicate } from '../model/verbatim.ts'
import type { UnitOfWork } from '../unit-of-work.ts'

/** A memory that another system, or a document, brings. Times are epoch milliseconds. */
export interface ForeignMemory {
  /** What the other system calls it. Without one, speaker and text say which memory it is. */
  id: string | null
  text: string
  role: Role
  speaker: string
  agentId: string | null
  runId: string | null
  appId: string | null
  metadata: JsonObject
  topic: string | null
  subTopic: string | null
  importance: number | null
  eventDate: string | null
  expiresAt: number | null
  /** When it was said. */
  at: number
  createdAt: number
  /** Since when it says what it says. */
  updatedAt: number
}

export interface ImportOutcome {
  imported: number
  /** Known by its id, and newer than what was known. */
  updated: number
  unchanged: number
}

/**
 * Takes memories in as they are. The same memory is taken in once: what is known already stays as it is, with two
 * exceptions made for no one: a correction made here is not undone by what is older, and what was deleted here stays
 * deleted. What the other system has changed since becomes a new version.
 */
export async function importMemories(
  unit: UnitOfWork,
  memories: readonly ForeignMemory[],
): Promise<ImportOutcome> {
  const outcome: ImportOutcome = { imported: 0, updated: 0, unchanged: 0 }
  for (const [nth, foreign] of memories.entries()) outcome[await importOne(unit, foreign, nth)] += 1
  return outcome
}

async function importOne(
  unit: UnitOfWork,
  foreign: ForeignMemory,
  nth: number,
): Promise<keyof ImportOutcome> {
  const id = identify(unit.scope, foreign)
  const cause: Cause = { actor: 'import', reason: foreign.id === null ? null : `imported as ${foreign.id}` }
  const held = await unit.find(id)
  if (!held) {
    if (await unit.findEnded(id)) return 'unchanged'
    await unit.add(toMemory(id, foreign, nth), cause)
    return 'imported'
  }
  const { memory } = held
  const saysAnew =
    foreign.id !== null && foreign.text !== memory.text && foreign.updatedAt > memory.valid_from
  if (!saysAnew) return 'unchanged'
  const { text, topic, subTopic, importance, eventDate, expiresAt, metadata, updatedAt } = foreign
  await unit.revise(
    id,
    {
      text,
      topic,
      sub_topic: subTopic,
      importance,
      event_date: eventDate,
      expires_at: expiresAt,
      metadata,
      valid_from: updatedAt,
    },
    cause,
  )
  return 'updated'
}

/** Without an id of its own, what is brought and what is said are the same memory when they say the same. */
function identify(scope: string, { id, agentId, runId, speaker, text }: ForeignMemory): string {
  const whose = [scope, agentId ?? '', runId ?? '']
  return id === null
    ? derivedId('memory', ...whose, speaker, normaliseForDuplicate(text))
    : derivedId('import', ...whose, id)
}

function toMemory(id: string, foreign: ForeignMemory, nth: number): Memory {
  const { text, role, speaker, metadata, topic, importance, at, createdAt, updatedAt } = foreign
  return {
    id,
    text,
    role,
    speaker,
    agent_id: foreign.agentId,
    run_id: foreign.runId,
    app_id: foreign.appId,
    metadata,
    kind: 'imported',
    topic,
    sub_topic: foreign.subTopic,
    importance,
    event_date: foreign.eventDate,
    version: 1,
    valid_from: updatedAt,
    expires_at: foreign.expiresAt,
    context: null,
    // There is no turn; an identifier that no turn can have says so wherever one is looked for.
    sources: [{ turn_id: derivedId('import-source', id), conversation_id: null, turn: null, ordinal: 0, at }],
    // Among what was said here it stands where it was said, not where it was brought.
    order: Math.max(0, createdAt) * 1000 + Math.min(nth, 999),
    created_at: createdAt,
    updated_at: updatedAt,
  }
}
