import { findLegacyId, findStatement } from '../../memory/engine/statement-ids.ts'
import type { UnitOfWork } from '../../memory/engine/unit-of-work.ts'
import type { Cause } from '../../memory/model/history.ts'
import {
  boundSources,
  legacyMemoryIdOf,
  type Memory,
  memoryIdOf,
  type Source,
} from '../../memory/model/memory.ts'
import { derivedId } from '../../memory/model/scope.ts'
import type { MemoryEvent, Turn } from '../../memory/model/turns.ts'
import { getActor } from '../../memory/repositories/history.ts'
import { searchedText } from '../../text/verbatim/answers.ts'
import type { Candidate } from './candidates.ts'

export interface KeepContext {
  turn: Turn
  /** The previous revision of the turn. */
  previous: Turn | undefined
  /** Position of the text in the turn. */
  nth: number
  /** Whether the turn is queued for extraction or kept verbatim. */
  learn: boolean
  expiresAt: number | null
}

/** Ids of one text that a turn is searched for: those beyond the first follow corrections to other texts. */
const MAX_IDS = 8

/** Ids of a pending memory, the current one first. It belongs to one turn: duplicates are resolved at extraction. */
export function pendingIdsOf(turn: Turn, { id, legacyId }: Candidate): [string, string] {
  return [derivedId('pending', turn.id, id), derivedId('pending', turn.id, legacyId)]
}

/** Keeps one text of a turn, unless its memory was deleted from that turn. */
export async function keepText(
  unit: UnitOfWork,
  candidate: Candidate,
  context: KeepContext,
): Promise<MemoryEvent | undefined> {
  const { turn, previous } = context
  if (context.learn) {
    const [id] = pendingIdsOf(turn, candidate)
    const known = previous && (await unit.find(id))
    turn.memory_ids.push(id)
    unit.put(toMemory(id, candidate, unit.now, context), known?.dense)
    return undefined
  }
  const id = await idOf(unit, candidate, context)
  if (id === undefined) return undefined
  const known = await unit.find(id)
  const stated = toMemory(id, candidate, unit.now, context)
  const isRepost = previous?.memory_ids.includes(id) ?? false
  if (!known && isRepost && !previous?.effects.some(({ memory_id }) => memory_id === id)) {
    const ended = await unit.findEnded(id)
    const actor = ended && (await getActor(unit.records, unit.scope, id, ended.memory.version, ['DELETE']))
    // Deleted by hand after this turn was dropped from the kept sources; or superseded.
    ;(actor === 'api' ? turn.removed_ids : turn.memory_ids).push(id)
    return undefined
  }
  turn.memory_ids.push(id)
  const cause: Cause = { actor: 'verbatim', turn }
  if (!known) {
    await unit.add(stated, cause)
    return { event: 'ADD', id, memory: stated.text }
  }
  const { memory } = known
  if (memory.expires_at !== null && memory.expires_at <= unit.now && !isRepost) {
    const { text, expires_at, valid_from } = stated
    const { sources } = withSource(memory, stated)
    const revision = { text, context: stated.context, expires_at, valid_from, sources }
    await unit.revise(id, revision, { ...cause, reason: 'said again after it had expired' })
    return { event: 'UPDATE', id, memory: text, previous: memory.text }
  }
  const again = restate(memory, stated, isRepost)
  unit.put(again, searchedText(again) === searchedText(memory) ? known.dense : undefined)
  return { event: 'NOOP', id, memory: again.text }
}

/** The id under which a text is kept; `undefined` for a text that was deleted from this turn. */
async function idOf(
  unit: UnitOfWork,
  { speaker, text, context, legacyId }: Candidate,
  { turn, previous }: KeepContext,
): Promise<string | undefined> {
  const { agent_id, run_id } = turn
  const statement = { agent_id, run_id, speaker, text, context }
  // Nothing to compare with, and computing the legacy ids of a long text takes milliseconds.
  if (!previous && turn.removed_ids.length === 0) return (await findStatement(unit, statement, legacyId)).id
  const idsBy = (idOf: typeof memoryIdOf) =>
    Array.from({ length: MAX_IDS }, (_, nth) => idOf(unit.scope, statement, nth))
  const ids = idsBy(memoryIdOf)
  const legacyIds = idsBy(legacyMemoryIdOf)
  if ([...ids, ...legacyIds].some((id) => turn.removed_ids.includes(id))) return undefined
  const here = ids.find((id) => previous?.memory_ids.includes(id))
  if (here !== undefined) return here
  if (legacyIds.some((id) => previous?.memory_ids.includes(id))) {
    const legacyHere = await findLegacyId(unit, statement, 'original')
    if (legacyHere !== undefined && previous?.memory_ids.includes(legacyHere)) return legacyHere
  }
  return (await findStatement(unit, statement, legacyId)).id
}

function toMemory(id: string, candidate: Candidate, now: number, context: KeepContext): Memory {
  const { text, role, speaker, source } = candidate
  const { turn, learn, nth, expiresAt } = context
  return {
    id,
    text,
    role,
    speaker,
    agent_id: turn.agent_id,
    run_id: turn.run_id,
    app_id: turn.app_id,
    metadata: turn.metadata,
    kind: learn ? 'pending' : 'verbatim',
    topic: null,
    sub_topic: null,
    importance: null,
    event_date: null,
    version: 1,
    valid_from: source.at,
    expires_at: expiresAt,
    context: candidate.context,
    ...candidate.graph,
    sources: [source],
    order: now * 1000 + Math.min(nth, 999),
    created_at: now,
    updated_at: now,
  }
}

/** A known memory with one more source. If the turn is its only source, the new revision replaces its fields. */
function restate(known: Memory, stated: Memory, isRepost: boolean): Memory {
  const { sources, others } = withSource(known, stated)
  const updated = { ...known, sources, updated_at: stated.updated_at }
  // Posting a turn again does not undo a correction.
  if (known.version > 1) return updated
  const valid_from =
    isRepost && others === 0 ? stated.valid_from : Math.min(known.valid_from, stated.valid_from)
  if (!isRepost || others > 0) {
    return { ...updated, valid_from, expires_at: later(known.expires_at, stated.expires_at) }
  }
  const { text, role, context, metadata, app_id, expires_at } = stated
  return { ...updated, text, role, context, metadata, app_id, expires_at, valid_from }
}

function withSource(known: Memory, stated: Memory): { sources: Source[]; others: number } {
  const [source] = stated.sources as [Source]
  const others = known.sources.filter(({ turn_id }) => turn_id !== source.turn_id)
  return { sources: boundSources([...others, source]), others: others.length }
}

/** `null` means never. */
function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : Math.max(one, other)
}
