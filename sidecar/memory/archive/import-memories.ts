import type { JsonObject } from '../../ports/records.ts'
import { normaliseForDuplicate } from '../../text/verbatim.ts'
import type { UnitOfWork } from '../engine/unit-of-work.ts'
import type { Cause } from '../model/history.ts'
import type { Memory, Role } from '../model/memory.ts'
import { derivedId } from '../model/scope.ts'

/** A memory from another system or a document. Times are epoch milliseconds. */
export interface ForeignMemory {
  /** Id in the other system. Without one, speaker and text identify the memory. */
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
  /** When the source message was sent. */
  at: number
  createdAt: number
  /** When the text last changed. */
  updatedAt: number
}

export interface ImportOutcome {
  imported: number
  /** Has a known id and a newer text. */
  updated: number
  unchanged: number
}

/**
 * Imports memories unchanged; importing one twice has no further effect. A newer text from the other system becomes a new
 * version. Corrections made here are not undone by older texts, and deleted memories stay deleted.
 */
export async function importMemories(
  unit: UnitOfWork,
  memories: readonly ForeignMemory[],
): Promise<ImportOutcome> {
  const outcome: ImportOutcome = { imported: 0, updated: 0, unchanged: 0 }
  for (const [i, foreign] of memories.entries()) outcome[await importOne(unit, foreign, i)] += 1
  return outcome
}

async function importOne(
  unit: UnitOfWork,
  foreign: ForeignMemory,
  index: number,
): Promise<keyof ImportOutcome> {
  const id = identify(unit.scope, foreign)
  const cause: Cause = { actor: 'import', reason: foreign.id === null ? null : `imported as ${foreign.id}` }
  const existing = await unit.find(id)
  if (!existing) {
    if (await unit.findEnded(id)) return 'unchanged'
    await unit.add(toMemory(id, foreign, index), cause)
    return 'imported'
  }
  const { memory } = existing
  const isNewer = foreign.id !== null && foreign.text !== memory.text && foreign.updatedAt > memory.valid_from
  if (!isNewer) return 'unchanged'
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

/** Without an id, an imported memory equals a verbatim memory with the same speaker and text. */
function identify(scope: string, { id, agentId, runId, speaker, text }: ForeignMemory): string {
  const owner = [scope, agentId ?? '', runId ?? '']
  return id === null
    ? derivedId('memory', ...owner, speaker, normaliseForDuplicate(text))
    : derivedId('import', ...owner, id)
}

function toMemory(id: string, foreign: ForeignMemory, index: number): Memory {
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
    // There is no turn, so the id is one that no turn can have.
    sources: [{ turn_id: derivedId('import-source', id), conversation_id: null, turn: null, ordinal: 0, at }],
    // Ordered by when it was created, not by when it was imported.
    order: Math.max(0, createdAt) * 1000 + Math.min(index, 999),
    created_at: createdAt,
    updated_at: updatedAt,
  }
}
