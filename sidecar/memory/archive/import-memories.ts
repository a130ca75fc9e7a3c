import type { LocalTime } from '../../text/local-time.ts'
import { findLegacyId } from '../engine/statement-ids.ts'
import type { UnitOfWork } from '../engine/unit-of-work.ts'
import { graphOfText, NO_GRAPH } from '../model/graph.ts'
import type { Cause } from '../model/history.ts'
import { contentOf, legacyMemoryIdOf, type Memory, memoryIdOf } from '../model/memory.ts'
import { derivedId } from '../model/scope.ts'
import { readsOfMemory } from '../repositories/versions.ts'

type OwnFields = 'id' | 'kind' | 'version' | 'valid_from' | 'context' | 'sources' | 'order'

/** A memory from another system or a document, and when its source message was sent. `updated_at`: when the text last changed. */
export interface ForeignMemory extends Omit<Memory, OwnFields>, LocalTime {
  /** Id in the other system; `null`: speaker and text identify the memory. */
  foreign_id: string | null
}

export interface ImportOutcome {
  imported: number
  /** Has a known id and a newer text. */
  updated: number
  unchanged: number
}

/**
 * Imports memories unchanged and idempotently. A newer text from the other system becomes a new version; an older one
 * undoes no correction, and deleted memories stay deleted.
 */
export async function importMemories(
  unit: UnitOfWork,
  memories: readonly ForeignMemory[],
): Promise<ImportOutcome> {
  const outcome: ImportOutcome = { imported: 0, updated: 0, unchanged: 0 }
  await unit.prefetch(() =>
    memories.flatMap((foreign) => possibleIds(unit.scope, foreign).flatMap(readsOfMemory)),
  )
  for (const [i, foreign] of memories.entries()) outcome[await importOne(unit, foreign, i)] += 1
  return outcome
}

async function importOne(
  unit: UnitOfWork,
  foreign: ForeignMemory,
  index: number,
): Promise<keyof ImportOutcome> {
  const id = await identify(unit, foreign)
  const reason = foreign.foreign_id === null ? null : `imported as ${foreign.foreign_id}`
  const cause: Cause = { actor: 'import', reason }
  const existing = await unit.find(id)
  if (!existing) {
    if (await unit.findEnded(id)) return 'unchanged'
    await unit.add(toMemory(id, foreign, index, unit.now), cause)
    return 'imported'
  }
  const { memory } = existing
  const isNewer = foreign.text !== memory.text && foreign.updated_at > memory.valid_from
  if (foreign.foreign_id === null || !isNewer) return 'unchanged'
  const { metadata, updated_at } = foreign
  const graph = { ...NO_GRAPH, ...graphOfText(foreign, unit.now) }
  await unit.revise(id, { ...contentOf(foreign), ...graph, metadata, valid_from: updated_at }, cause)
  return 'updated'
}

/** Without an id, an imported memory equals a verbatim memory with the same speaker and text. */
async function identify(unit: UnitOfWork, foreign: ForeignMemory): Promise<string> {
  const [id = ''] = possibleIds(unit.scope, foreign)
  return (foreign.foreign_id === null && (await findLegacyId(unit, foreign, 'original'))) || id
}

/** The id of a memory, and the one that earlier versions gave it. */
function possibleIds(scope: string, foreign: ForeignMemory): string[] {
  const { foreign_id, agent_id, run_id } = foreign
  return foreign_id === null
    ? [memoryIdOf(scope, foreign), legacyMemoryIdOf(scope, foreign)]
    : [derivedId('import', scope, agent_id ?? '', run_id ?? '', foreign_id)]
}

function toMemory(
  id: string,
  { foreign_id: _, at, utc_offset, ...fields }: ForeignMemory,
  index: number,
  now: number,
): Memory {
  // There is no turn, so the id is one that no turn can have.
  const turn_id = derivedId('import-source', id)
  return {
    ...fields,
    ...graphOfText(fields, now),
    id,
    kind: 'imported',
    version: 1,
    valid_from: fields.updated_at,
    context: null,
    sources: [{ turn_id, conversation_id: null, turn: null, ordinal: 0, at, utc_offset }],
    // Ordered by when it was created, not by when it was imported.
    order: Math.max(0, fields.created_at) * 1000 + Math.min(index, 999),
  }
}
