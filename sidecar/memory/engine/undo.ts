import type { Cause } from '../model/history.ts'
import { contentOf, type Memory, type Source } from '../model/memory.ts'
import type { Effect, Turn } from '../model/turns.ts'
import { getActor } from '../repositories/history.ts'
import type { HeldPast } from '../repositories/versions.ts'
import type { UnitOfWork } from './unit-of-work.ts'

/**
 * Undoes the extraction of a turn that a new revision replaces, newest effect first. Content that other turns state or
 * that was corrected by hand stays. The undone versions stay in history as never valid.
 */
export async function undoExtraction(unit: UnitOfWork, turn: Turn): Promise<void> {
  const cause: Cause = { actor: 'extraction', reason: REPLACED, turn }
  for (const { event, memory_id, version } of turn.effects.toReversed()) {
    if (event === 'DELETE') await undoDeletion(unit, { memory_id, version }, cause)
    else await takeBack(unit, turn, { memory_id, version }, cause)
  }
}

/** Removes a turn from a memory that it stated verbatim. */
export async function undoVerbatim(unit: UnitOfWork, turn: Turn, id: string): Promise<void> {
  const version = await firstVersionOf(unit, id, turn.id)
  const cause: Cause = { actor: 'verbatim', reason: REPLACED, turn }
  if (version !== undefined) await takeBack(unit, turn, { memory_id: id, version }, cause)
}

const REPLACED = 'the turn was replaced'

type Made = Pick<Effect, 'memory_id' | 'version'>

async function takeBack(unit: UnitOfWork, turn: Turn, made: Made, cause: Cause): Promise<void> {
  const { memory_id: id, version } = made
  const held = await unit.find(id)
  const ended = held ? undefined : await unit.findEnded(id)
  await takeBackPast(unit, turn, made, held ? held.memory.version - 1 : (ended?.memory.version ?? 0))
  if (!held) return
  const { memory } = held
  const left = withoutTurn(memory.sources, turn)
  const keep = (valid_from = memory.valid_from) => {
    if (left.length === 0 || left.length === memory.sources.length) return
    unit.put({ ...memory, sources: left, valid_from, updated_at: unit.now }, held.dense)
  }
  if (!sameContentVersions(memory).includes(version)) return keep()
  const before = await lastValidBefore(unit, memory)
  const [other] = addedSources(left, before)
  if (await isManual(unit, memory)) keep()
  else if (other) {
    // If the removed turn stated it first, it is valid from the next statement on.
    const valid_from = isValidSince(memory, turn) ? other.at : memory.valid_from
    keep(valid_from)
    if (before) unit.putPast({ ...before.past, valid_until: valid_from }, before.dense)
  } else if (before) {
    const was = before.past.memory
    const { kind, sources, valid_from } = was
    const fields = { ...contentOf(was), kind, sources, valid_from }
    const options = { event: 'RESTORE' as const, takenBack: true, dense: before.dense }
    await unit.revise(id, { ...fields, same_as: sameContentVersions(was) }, cause, options)
  } else await unit.end(id, memory.valid_from, cause, true)
}

/** As `takeBack` for past versions: they count as never valid, and the version before stays valid longer. */
async function takeBackPast(unit: UnitOfWork, turn: Turn, made: Made, newest: number): Promise<void> {
  for (let n = made.version; n <= newest; n++) {
    const found = await unit.findPast(made.memory_id, n)
    if (!found) continue
    const { memory, valid_until } = found.past
    const left = withoutTurn(memory.sources, turn)
    const before = await lastValidBefore(unit, memory)
    const isMade = sameContentVersions(memory).includes(made.version)
    if (!isMade || addedSources(left, before).length > 0 || (await isManual(unit, memory))) {
      const sources = left.length > 0 ? left : memory.sources
      unit.putPast({ ...found.past, memory: { ...memory, sources } }, found.dense)
    } else {
      const undone = { ...found.past, memory: { ...memory, taken_back: true as const } }
      unit.putPast({ ...undone, valid_until: memory.valid_from }, found.dense)
      if (before) unit.putPast({ ...before.past, valid_until }, before.dense)
    }
  }
}

/** Restores a memory that the turn ended, if a version of it still has a source. */
async function undoDeletion(unit: UnitOfWork, { memory_id: id, version }: Made, cause: Cause): Promise<void> {
  if (await unit.find(id)) return
  const ended = await unit.findEnded(id)
  const last = ended?.memory.version === version ? await unit.findPast(id, version) : undefined
  const valid = last?.past.memory.taken_back ? await lastValidBefore(unit, last.past.memory) : last
  if (!valid) return
  const { memory } = valid.past
  const back = await unit.add(
    { ...memory, same_as: sameContentVersions(memory), updated_at: unit.now },
    cause,
  )
  unit.put(back, valid.dense)
}

/** This version and the earlier versions with the same content. */
function sameContentVersions({ version, same_as = [] }: Memory): number[] {
  return [...same_as, version]
}

/** The newest earlier version that has other content and was not taken back. */
async function lastValidBefore(unit: UnitOfWork, memory: Memory): Promise<HeldPast | undefined> {
  for (let n = Math.min(...sameContentVersions(memory)) - 1; n >= 1; n--) {
    const found = await unit.findPast(memory.id, n)
    // An ended version is no state to go back to.
    if (found?.past.ended) return undefined
    if (found && !found.past.memory.taken_back) return found
  }
  return undefined
}

/** The sources of a version that the version before it does not have. */
function addedSources(sources: readonly Source[], before: HeldPast | undefined): Source[] {
  const known = new Set(before?.past.memory.sources.map(keyOf))
  return sources.filter((source) => !known.has(keyOf(source)))
}

async function isManual(unit: UnitOfWork, memory: Memory): Promise<boolean> {
  const { records, scope } = unit
  const version = Math.min(...sameContentVersions(memory))
  const actor = await getActor(records, scope, memory.id, version, ['ADD', 'UPDATE', 'RESTORE'])
  return actor === 'api' || actor === 'import'
}

async function firstVersionOf(unit: UnitOfWork, id: string, turnId: string): Promise<number | undefined> {
  const held = await unit.find(id)
  const newest = held?.memory.version ?? (await unit.findEnded(id))?.memory.version ?? 0
  let first = held?.memory.sources.some(({ turn_id }) => turn_id === turnId) ? newest : undefined
  for (let n = held ? newest - 1 : newest; n >= 1; n--) {
    const found = await unit.findPast(id, n)
    if (found?.past.ended && n < newest) return first
    if (found?.past.memory.sources.some(({ turn_id }) => turn_id === turnId)) first = n
  }
  return first
}

function isValidSince(memory: Memory, turn: Turn): boolean {
  return memory.sources.some(({ turn_id, at }) => turn_id === turn.id && at === memory.valid_from)
}

function withoutTurn(sources: readonly Source[], turn: Turn): Source[] {
  return sources.filter((source) => source.turn_id !== turn.id)
}

function keyOf({ turn_id, ordinal }: Source): string {
  return `${turn_id}/${ordinal}`
}
