import { expiryOf } from '../../rules/rules.ts'
import type { Memory, Source } from '../memory.ts'
import { memoryId } from '../model/identity.ts'
import { normaliseForDuplicate } from '../model/verbatim.ts'
import type { Turn } from '../turns.ts'
import type { Held, UnitOfWork } from '../unit-of-work.ts'
import { mayStandFor } from './removed.ts'
import type { Done, Saying } from './types.ts'

/** Most sources kept for one memory. */
const MAX_SOURCES = 32

/** A text becomes a memory, or one more source of the memory that says it; `undefined` where it was deleted. */
export async function say(saying: Saying, text: string): Promise<Done | undefined> {
  const { unit, learned, says, cause, nth, context } = saying
  const { fact } = learned
  const { agent_id, run_id } = says.at(-1) as Turn
  const { id, held } = await freeId(unit, { agent_id, run_id, speaker: fact.speaker, text })
  if (held) return await sayAgain(saying, held)
  const through = await throughWhich(saying, id)
  const turn = through.at(-1)
  if (!turn) return undefined
  const sources = sourcesOf(learned.sources, through)
  const said = sources[0]?.at ?? unit.now
  const memory = await unit.add(
    {
      id,
      text,
      role: fact.role,
      speaker: fact.speaker,
      agent_id,
      run_id,
      app_id: turn.app_id,
      metadata: turn.metadata,
      kind: 'extracted',
      topic: fact.topic,
      sub_topic: fact.subTopic === '' ? null : fact.subTopic,
      importance: fact.importance,
      event_date: fact.eventDate,
      version: 1,
      valid_from: said,
      expires_at: expiryOf(context.rules, fact.topic, said, run_id),
      context: null,
      sources,
      order: unit.now * 1000 + Math.min(nth, 999),
      created_at: unit.now,
      updated_at: unit.now,
    },
    { ...cause, turn },
  )
  if (text === fact.text) unit.put(memory, learned.dense)
  return {
    event: { event: 'ADD', id, memory: text },
    effect: { event: 'ADD', memory_id: id, version: memory.version },
    through,
  }
}

/** A memory that is said again has more sources; one that had expired holds anew. */
export async function sayAgain(saying: Saying, { memory, dense }: Held): Promise<Done | undefined> {
  const { unit, learned, cause, context } = saying
  const { id, text, expires_at } = memory
  const through = await throughWhich(saying, id)
  const turn = through.at(-1)
  if (!turn) return undefined
  const sources = merged(memory.sources, sourcesOf(learned.sources, through))
  if (expires_at !== null && expires_at <= unit.now) {
    const valid_from = learned.sources.at(-1)?.at ?? unit.now
    const fields = {
      sources,
      valid_from,
      expires_at: expiryOf(context.rules, learned.fact.topic, valid_from, memory.run_id),
    }
    const why = { ...cause, turn, reason: 'said again after it had expired' }
    const { version } = await unit.revise(id, fields, why)
    return {
      event: { event: 'UPDATE', id, memory: text, previous: text },
      effect: { event: 'UPDATE', memory_id: id, version },
      through,
    }
  }
  unit.put({ ...memory, sources, updated_at: unit.now }, dense)
  return {
    event: { event: 'NOOP', id, memory: text },
    effect: { event: 'NOOP', memory_id: id, version: memory.version },
    through,
  }
}

/** Of the turns that say it, those that may; from the others it counts as deleted from now on. */
export async function throughWhich({ unit, context, says }: Saying, id: string): Promise<Turn[]> {
  const through = await mayStandFor(unit, context.records, id, says)
  for (const turn of says) {
    if (!through.includes(turn) && !turn.removed_ids.includes(id)) turn.removed_ids.push(id)
  }
  return through
}

export function merged(known: readonly Source[], added: readonly Source[]): Source[] {
  const byPlace = new Map(
    [...known, ...added].map((source) => [`${source.turn_id}/${source.ordinal}`, source]),
  )
  const sources = [...byPlace.values()].sort((a, b) => a.at - b.at)
  if (sources.length > MAX_SOURCES) sources.splice(1, sources.length - MAX_SOURCES)
  return sources
}

function sourcesOf(sources: readonly Source[], through: readonly Turn[]): Source[] {
  const ids = new Set(through.map(({ id }) => id))
  return sources.filter(({ turn_id }) => ids.has(turn_id))
}

/**
 * The identifier of a text. One that stands for another text by now, because its memory was corrected or superseded,
 * is not used again: what it said first is a fact of its own when somebody says it anew.
 */
async function freeId(
  unit: UnitOfWork,
  said: Pick<Memory, 'agent_id' | 'run_id' | 'speaker' | 'text'>,
): Promise<{ id: string; held: Held | undefined }> {
  const same = normaliseForDuplicate(said.text)
  for (let nth = 0; ; nth++) {
    const id = memoryId(unit.scope, said, nth)
    const held = await unit.find(id)
    if (!held || normaliseForDuplicate(held.memory.text) === same) return { id, held }
  }
}
