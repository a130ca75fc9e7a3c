import { findStatement } from '../../memory/engine/statement-ids.ts'
import type { UnitOfWork } from '../../memory/engine/unit-of-work.ts'
import { joinGraphs } from '../../memory/model/graph.ts'
import { boundSources, legacyMemoryIdOf, type Memory, type Source } from '../../memory/model/memory.ts'
import type { Effect, Turn } from '../../memory/model/turns.ts'
import { getHistory } from '../../memory/repositories/history.ts'
import type { Held } from '../../memory/repositories/memories.ts'
import { isZero } from '../../memory/repositories/unembedded.ts'
import { expiryOf } from '../../memory/rules/rules.ts'
import type { Applied, FactContext } from './types.ts'

/** Adds a text as a memory, or as a source of the memory with that text; `undefined` where that memory was deleted. */
export async function addFact(fact: FactContext, text: string): Promise<Applied | undefined> {
  const { unit, learned, statedIn, cause, nth, context } = fact
  const { role, speaker, topic, subTopic, importance, eventDate } = learned.fact
  const { agent_id, run_id } = statedIn.at(-1) as Turn
  const statement = { agent_id, run_id, speaker, text }
  const { id, held } = await findStatement(unit, statement)
  if (held) return await confirmMemory(fact, held)
  const through = await recordableTurns(fact, id, legacyMemoryIdOf(unit.scope, statement))
  const turn = through.at(-1)
  if (!turn) return undefined
  const sources = sourcesOf(learned.sources, through)
  const valid_from = sources[0]?.at ?? unit.now
  const memory = await unit.add(
    {
      id,
      text,
      role,
      speaker,
      agent_id,
      run_id,
      app_id: turn.app_id,
      metadata: turn.metadata,
      kind: 'extracted',
      topic,
      sub_topic: subTopic === '' ? null : subTopic,
      importance,
      event_date: eventDate,
      version: 1,
      valid_from,
      expires_at: expiryOf(context.rules, topic, valid_from, run_id),
      context: null,
      ...learned.graph,
      sources,
      order: unit.now * 1000 + Math.min(nth, 999),
      created_at: unit.now,
      updated_at: unit.now,
    },
    { ...cause, turn },
  )
  if (text === learned.fact.text) unit.put(memory, isZero(learned.dense) ? undefined : learned.dense)
  return toApplied('ADD', memory, through)
}

/** Adds sources to a memory that is stated again, and renews an expired one. */
export async function confirmMemory(
  fact: FactContext,
  { memory, dense }: Held,
): Promise<Applied | undefined> {
  const { unit, learned, cause, context } = fact
  const { id, expires_at } = memory
  const through = await recordableTurns(fact, id)
  const turn = through.at(-1)
  if (!turn) return undefined
  const sources = mergeSources(memory.sources, sourcesOf(learned.sources, through))
  if (expires_at !== null && expires_at <= unit.now) {
    const valid_from = learned.sources.at(-1)?.at ?? unit.now
    const fields = {
      ...joinGraphs(memory, learned.graph),
      sources,
      valid_from,
      expires_at: expiryOf(context.rules, learned.fact.topic, valid_from, memory.run_id),
    }
    const why = { ...cause, turn, reason: 'said again after it had expired' }
    return toApplied('UPDATE', await unit.revise(id, fields, why), through, memory.text)
  }
  unit.put({ ...memory, ...joinGraphs(memory, learned.graph), sources, updated_at: unit.now }, dense)
  return toApplied('NOOP', memory, through)
}

/** @param previous the text before an update */
export function toApplied(
  event: Effect['event'],
  { id, text, version }: Memory,
  through: readonly Turn[],
  previous?: string,
): Applied {
  const reported = { event, id, memory: text, ...(previous === undefined ? {} : { previous }) }
  return { event: reported, effect: { event, memory_id: id, version }, through }
}

/** The turns that may be sources of a memory; from the other turns it counts as deleted. */
export async function recordableTurns(
  { unit, statedIn }: FactContext,
  id: string,
  legacyId?: string,
): Promise<Turn[]> {
  const allowed = await allowedSources(unit, id, statedIn)
  const through = allowed.filter((turn) => !turn.removed_ids.some((one) => one === legacyId))
  for (const turn of statedIn) {
    if (!through.includes(turn) && !turn.removed_ids.includes(id)) turn.removed_ids.push(id)
  }
  return through
}

export function mergeSources(known: readonly Source[], added: readonly Source[]): Source[] {
  const byMessage = new Map(
    [...known, ...added].map((source) => [`${source.turn_id}/${source.ordinal}`, source]),
  )
  return boundSources([...byMessage.values()])
}

function sourcesOf(sources: readonly Source[], through: readonly Turn[]): Source[] {
  const ids = new Set(through.map(({ id }) => id))
  return sources.filter(({ turn_id }) => ids.has(turn_id))
}

/** The turns that may create a memory or become its source: those that it was not deleted from, after its deletion. */
export async function allowedSources(unit: UnitOfWork, id: string, turns: readonly Turn[]): Promise<Turn[]> {
  const removedAt = await lastRemovedAt(unit, id)
  return turns.filter(
    ({ removed_ids, updated_at }) =>
      !removed_ids.includes(id) && (removedAt === undefined || updated_at >= removedAt),
  )
}

async function lastRemovedAt(unit: UnitOfWork, id: string): Promise<number | undefined> {
  const held = await unit.find(id)
  const latest = held?.memory ?? (await unit.findEnded(id))?.memory
  // A memory that was restored after a deletion has a version above 1.
  if (!latest || (held && latest.version === 1)) return undefined
  const rows = await getHistory(unit.records, unit.scope, id, latest.version)
  return rows.findLast(({ event, actor }) => event === 'DELETE' && actor === 'api')?.at
}
