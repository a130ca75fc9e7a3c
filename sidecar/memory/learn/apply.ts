import { type AppRules, expiryOf } from '../../rules/rules.ts'
import type { MemoryEvent } from '../add.ts'
import type { Fact } from '../extract/types.ts'
import type { Cause } from '../history.ts'
import { memoryId } from '../identity.ts'
import type { Memory, Source } from '../memory.ts'
import type { Decision } from '../reconcile/types.ts'
import type { Effect, Turn } from '../turns.ts'
import type { Held, UnitOfWork } from '../unit-of-work.ts'
import { normaliseForDuplicate } from '../verbatim.ts'
import { wasRemovedSince } from './removed.ts'

/** A fact with its vector and the places that it was said at. */
export interface Learned {
  fact: Fact
  dense: Float32Array
  /** Oldest first; never empty. */
  sources: Source[]
}

/** What happened, and through which turn. */
export interface TurnEvent {
  turnId: string
  event: MemoryEvent
}

export interface ApplyContext {
  turns: readonly Turn[]
  learned: readonly Learned[]
  rules: AppRules
  model: string
  promptVersion: string
}

/** Most sources kept for one memory. */
const MAX_SOURCES = 32

/**
 * Does what was decided, and answers what happened. A turn remembers its effects, so that they can be taken back when
 * it is replaced; what somebody has deleted from a turn does not come back through it.
 */
export async function applyDecisions(
  unit: UnitOfWork,
  decisions: readonly Decision[],
  context: ApplyContext,
): Promise<TurnEvent[]> {
  const events: TurnEvent[] = []
  joinSources(decisions, context.learned)
  for (const [nth, decision] of decisions.entries()) {
    const learned = context.learned[decision.fact] as Learned
    const says = turnsOf(learned, context.turns)
    const turn = says.at(-1) as Turn
    const cause: Cause = {
      actor: 'extraction',
      reason: decision.reason,
      turn,
      model: context.model,
      promptVersion: context.promptVersion,
    }
    const done = await applyOne(unit, decision, learned, turn, cause, nth, context)
    if (!done) continue
    events.push({ turnId: turn.id, event: done.event })
    for (const one of says) {
      if (!one.memory_ids.includes(done.effect.memory_id)) one.memory_ids.push(done.effect.memory_id)
      // What the latest of them did, the others have said too.
      one.effects.push(one === turn ? done.effect : { ...done.effect, event: 'NOOP' })
    }
  }
  return events
}

/** What one turn repeats of another of the batch belongs to the fact that stands for both. */
function joinSources(decisions: readonly Decision[], learned: readonly Learned[]): void {
  for (const decision of decisions) {
    if (decision.event !== 'NOOP' || decision.sameAs === undefined) continue
    const [own, other] = [learned[decision.fact], learned[decision.sameAs]]
    if (own && other) other.sources = merged(other.sources, own.sources)
  }
}

interface Done {
  event: MemoryEvent
  effect: Effect
}

async function applyOne(
  unit: UnitOfWork,
  decision: Decision,
  learned: Learned,
  turn: Turn,
  cause: Cause,
  nth: number,
  context: ApplyContext,
): Promise<Done | undefined> {
  const said = learned.sources[0]?.at ?? unit.now
  switch (decision.event) {
    case 'ADD':
      return await addOne(unit, decision.text ?? learned.fact.text, learned, turn, cause, nth, context)
    case 'NOOP': {
      const later = decision.overtakenBy === undefined ? undefined : context.learned[decision.overtakenBy]
      if (later) return await addEnded(unit, learned, later, turn, cause, nth, context)
      if (decision.target === null) return undefined
      const held = await unit.find(decision.target)
      if (!held) for (const one of turnsOf(learned, context.turns)) one.removed_ids.push(decision.target)
      return held && (await again(unit, held, learned, cause, context))
    }
    case 'UPDATE': {
      const held = await unit.find(decision.target)
      if (!held) return await addOne(unit, decision.text, learned, turn, cause, nth, context)
      const previous = held.memory.text
      const { fact } = learned
      const memory = await unit.revise(
        decision.target,
        {
          text: decision.text,
          topic: fact.topic,
          sub_topic: fact.subTopic === '' ? null : fact.subTopic,
          importance: fact.importance,
          event_date: fact.eventDate,
          expires_at: expiryOf(context.rules, fact.topic, said),
          kind: 'extracted',
          sources: merged(held.memory.sources, learned.sources),
          valid_from: Math.max(held.memory.valid_from, said),
        },
        cause,
      )
      return {
        event: { event: 'UPDATE', id: memory.id, memory: memory.text, previous },
        effect: { event: 'UPDATE', memory_id: memory.id, version: memory.version },
      }
    }
    case 'DELETE': {
      const held = await unit.find(decision.target)
      if (!held) return undefined
      const memory = await unit.end(decision.target, said, cause)
      return {
        event: { event: 'DELETE', id: memory.id, memory: memory.text },
        effect: { event: 'DELETE', memory_id: memory.id, version: memory.version },
      }
    }
  }
}

async function addOne(
  unit: UnitOfWork,
  text: string,
  learned: Learned,
  turn: Turn,
  cause: Cause,
  nth: number,
  context: ApplyContext,
): Promise<Done | undefined> {
  const { fact, sources } = learned
  const { agent_id, run_id } = turn
  const { id, held } = await freeId(unit, { agent_id, run_id, speaker: fact.speaker, text })
  const says = turnsOf(learned, context.turns)
  if (says.some(({ removed_ids }) => removed_ids.includes(id))) return undefined
  if (!held && (await wasRemovedSince(unit, id, says))) {
    for (const one of says) one.removed_ids.push(id)
    return undefined
  }
  if (held) return await again(unit, held, learned, cause, context)
  const said = sources[0]?.at ?? unit.now
  const memory = await unit.add(
    {
      id,
      text,
      role: fact.role,
      speaker: fact.speaker,
      agent_id: turn.agent_id,
      run_id: turn.run_id,
      app_id: turn.app_id,
      metadata: turn.metadata,
      kind: 'extracted',
      topic: fact.topic,
      sub_topic: fact.subTopic === '' ? null : fact.subTopic,
      importance: fact.importance,
      event_date: fact.eventDate,
      version: 1,
      valid_from: said,
      expires_at: expiryOf(context.rules, fact.topic, said),
      context: null,
      sources,
      order: unit.now * 1000 + Math.min(nth, 999),
      created_at: unit.now,
      updated_at: unit.now,
    },
    cause,
  )
  if (text === fact.text) unit.put(memory, learned.dense)
  return {
    event: { event: 'ADD', id, memory: text },
    effect: { event: 'ADD', memory_id: id, version: memory.version },
  }
}

/** What was true when it was said and is not by the end of the batch: in history, and under `as_of`. */
async function addEnded(
  unit: UnitOfWork,
  learned: Learned,
  later: Learned,
  turn: Turn,
  cause: Cause,
  nth: number,
  context: ApplyContext,
): Promise<undefined> {
  const added = await addOne(unit, learned.fact.text, learned, turn, cause, nth, context)
  if (added?.event.event === 'ADD') await unit.end(added.event.id, later.sources[0]?.at ?? unit.now, cause)
}

/**
 * The identifier of a text. One that stands for another text by now, because its memory was corrected or superseded,
 * is not used again: what it said first is a fact of its own when somebody says it anew.
 */
async function freeId(
  unit: UnitOfWork,
  said: Pick<Memory, 'agent_id' | 'run_id' | 'speaker' | 'text'>,
): Promise<{ id: string; held: Held | undefined }> {
  for (let nth = 0; ; nth++) {
    const id = memoryId(unit.scope, said, nth)
    const held = await unit.find(id)
    if (!held || normaliseForDuplicate(held.memory.text) === normaliseForDuplicate(said.text))
      return { id, held }
  }
}

/** A memory that is said again has one more source; one that had expired holds anew. */
async function again(
  unit: UnitOfWork,
  { memory, dense }: Held,
  learned: Learned,
  cause: Cause,
  { rules }: ApplyContext,
): Promise<Done> {
  const { id, text, expires_at } = memory
  const sources = merged(memory.sources, learned.sources)
  if (expires_at !== null && expires_at <= unit.now) {
    const valid_from = learned.sources.at(-1)?.at ?? unit.now
    const fields = { sources, valid_from, expires_at: expiryOf(rules, learned.fact.topic, valid_from) }
    const { version } = await unit.revise(id, fields, { ...cause, reason: 'said again after it had expired' })
    return {
      event: { event: 'UPDATE', id, memory: text, previous: text },
      effect: { event: 'UPDATE', memory_id: id, version },
    }
  }
  unit.put({ ...memory, sources, updated_at: unit.now }, dense)
  return {
    event: { event: 'NOOP', id, memory: text },
    effect: { event: 'NOOP', memory_id: id, version: memory.version },
  }
}

function merged(known: readonly Source[], added: readonly Source[]): Source[] {
  const byPlace = new Map(
    [...known, ...added].map((source) => [`${source.turn_id}/${source.ordinal}`, source]),
  )
  const sources = [...byPlace.values()].sort((a, b) => a.at - b.at)
  if (sources.length > MAX_SOURCES) sources.splice(1, sources.length - MAX_SOURCES)
  return sources
}

/** The turns that say it, in the order of what they say; never empty. */
export function turnsOf({ sources }: Learned, turns: readonly Turn[]): Turn[] {
  const ids = [...new Set(sources.map(({ turn_id }) => turn_id).toReversed())].toReversed()
  const says = ids.flatMap((id) => turns.find((turn) => turn.id === id) ?? [])
  return says.length > 0 ? says : [turns.at(-1) as Turn]
}
