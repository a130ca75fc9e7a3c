import type { Cause } from './history.ts'
import type { Memory, Source } from './memory.ts'
import type { Effect, Turn } from './turns.ts'
import type { HeldPast, UnitOfWork } from './unit-of-work.ts'

/**
 * Takes back what learning from a turn did, newest first, because the turn has been replaced: an answer was
 * regenerated. What others have said too, or somebody has corrected since, stays as it is. The versions that the turn
 * made are kept in history, as versions that never held.
 */
export async function undoTurn(unit: UnitOfWork, turn: Turn): Promise<void> {
  const cause: Cause = { actor: 'extraction', reason: REPLACED, turn }
  for (const { event, memory_id, version } of turn.effects.toReversed()) {
    if (event === 'DELETE') await bringBack(unit, { memory_id, version }, cause)
    else await takeBack(unit, turn, { memory_id, version }, cause)
  }
}

/** The turn does not say a memory any more that it was kept for word by word. */
export async function unsay(unit: UnitOfWork, turn: Turn, id: string): Promise<void> {
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
  const left = without(memory.sources, turn)
  const keep = (valid_from = memory.valid_from) => {
    if (left.length === 0 || left.length === memory.sources.length) return
    unit.put({ ...memory, sources: left, valid_from, updated_at: unit.now }, held.dense)
  }
  if (!contentsOf(memory).includes(version)) return keep()
  const before = await standingBefore(unit, memory)
  const [other] = beyond(left, before)
  if (await isByHand(unit, memory)) keep()
  else if (other) {
    // It was said later, if it was first said in the turn that is gone.
    const valid_from = isSince(memory, turn) ? other.at : memory.valid_from
    keep(valid_from)
    if (before) unit.putPast({ ...before.past, valid_until: valid_from }, before.dense)
  } else if (before) {
    const was = before.past.memory
    const { text, topic, sub_topic, importance, event_date, expires_at, kind, sources, valid_from } = was
    const fields = { text, topic, sub_topic, importance, event_date, expires_at, kind, sources, valid_from }
    const options = { event: 'RESTORE' as const, takenBack: true, dense: before.dense }
    await unit.revise(id, { ...fields, same_as: contentsOf(was) }, cause, options)
  } else await unit.end(id, memory.valid_from, cause, true)
}

/** The same for versions that others have come after: they never held, and what was before them held on. */
async function takeBackPast(unit: UnitOfWork, turn: Turn, made: Made, newest: number): Promise<void> {
  for (let n = made.version; n <= newest; n++) {
    const found = await unit.findPast(made.memory_id, n)
    if (!found) continue
    const { memory, valid_until } = found.past
    const left = without(memory.sources, turn)
    const before = await standingBefore(unit, memory)
    const isOf = contentsOf(memory).includes(made.version)
    if (!isOf || beyond(left, before).length > 0 || (await isByHand(unit, memory))) {
      const sources = left.length > 0 ? left : memory.sources
      unit.putPast({ ...found.past, memory: { ...memory, sources } }, found.dense)
    } else {
      const never = { ...found.past, memory: { ...memory, taken_back: true as const } }
      unit.putPast({ ...never, valid_until: memory.valid_from }, found.dense)
      if (before) unit.putPast({ ...before.past, valid_until }, before.dense)
    }
  }
}

/** Undoes a deletion, unless nobody says any more what was deleted. */
async function bringBack(unit: UnitOfWork, { memory_id: id, version }: Made, cause: Cause): Promise<void> {
  if (await unit.find(id)) return
  const ended = await unit.findEnded(id)
  const last = ended?.memory.version === version ? await unit.findPast(id, version) : undefined
  const standing = last?.past.memory.taken_back ? await standingBefore(unit, last.past.memory) : last
  if (!standing) return
  const { memory } = standing.past
  const back = await unit.add({ ...memory, same_as: contentsOf(memory), updated_at: unit.now }, cause)
  unit.put(back, standing.dense)
}

/** The versions that say what this one says. */
function contentsOf({ version, same_as = [] }: Memory): number[] {
  return [...same_as, version]
}

/** The newest version of other content before this one that somebody stands for. */
async function standingBefore(unit: UnitOfWork, memory: Memory): Promise<HeldPast | undefined> {
  for (let n = Math.min(...contentsOf(memory)) - 1; n >= 1; n--) {
    const found = await unit.findPast(memory.id, n)
    // What had ended before is no state to go back to.
    if (found?.past.ended) return undefined
    if (found && !found.past.memory.taken_back) return found
  }
  return undefined
}

/** The sources of a version that are none of the one before it. */
function beyond(sources: readonly Source[], before: HeldPast | undefined): Source[] {
  const known = new Set(before?.past.memory.sources.map(placeOf))
  return sources.filter((source) => !known.has(placeOf(source)))
}

async function isByHand(unit: UnitOfWork, memory: Memory): Promise<boolean> {
  const actor = await unit.madeBy(memory.id, Math.min(...contentsOf(memory)))
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

function isSince(memory: Memory, turn: Turn): boolean {
  return memory.sources.some(({ turn_id, at }) => turn_id === turn.id && at === memory.valid_from)
}

function without(sources: readonly Source[], turn: Turn): Source[] {
  return sources.filter((source) => source.turn_id !== turn.id)
}

function placeOf({ turn_id, ordinal }: Source): string {
  return `${turn_id}/${ordinal}`
}
