import type { UnitOfWork } from '../../memory/engine/unit-of-work.ts'
import { joinGraphs, NO_GRAPH } from '../../memory/model/graph.ts'
import type { Held } from '../../memory/repositories/memories.ts'
import { expiryOf } from '../../memory/rules/rules.ts'
import type { Decision, Update } from '../reconcile/types.ts'
import { addFact, confirmMemory, mergeSources, recordableTurns, toApplied } from './apply-fact.ts'
import {
  type Applied,
  type ApplyContext,
  type FactContext,
  type Learned,
  type TurnEvent,
  turnsOf,
} from './types.ts'

/** Applies decisions and returns the changes. Each turn records its effects, so that a new revision can undo them. */
export async function applyDecisions(
  unit: UnitOfWork,
  decisions: readonly Decision[],
  context: ApplyContext,
): Promise<TurnEvent[]> {
  const events: TurnEvent[] = []
  joinSources(decisions, context.learned)
  for (const [nth, decision] of decisions.entries()) {
    const learned = context.learned[decision.fact] as Learned
    const statedIn = turnsOf(learned, context.turns)
    const { model, promptVersion } = context
    const turn = statedIn.at(-1)
    const cause = { actor: 'extraction' as const, reason: decision.reason, turn, model, promptVersion }
    const applied = await applyOne(decision, { unit, context, learned, statedIn, cause, nth })
    const last = applied?.through.at(-1)
    if (!applied || !last) continue
    const { event, effect, through } = applied
    events.push({ turnId: last.id, event })
    for (const one of through) {
      if (!one.memory_ids.includes(effect.memory_id)) one.memory_ids.push(effect.memory_id)
      // The latest turn gets the effect; the others only state the same.
      one.effects.push(one === last ? effect : { ...effect, event: 'NOOP' })
    }
  }
  return events
}

/** Facts of the batch that state the same share their sources. */
function joinSources(decisions: readonly Decision[], learned: readonly Learned[]): void {
  for (const decision of decisions) {
    if (decision.event !== 'NOOP' || decision.sameAs === undefined) continue
    const [own, other] = [learned[decision.fact], learned[decision.sameAs]]
    if (!own || !other) continue
    other.sources = mergeSources(other.sources, own.sources)
    other.graph = joinGraphs(other.graph, own.graph)
  }
}

async function applyOne(decision: Decision, fact: FactContext): Promise<Applied | undefined> {
  const { unit, context, learned, statedIn, cause } = fact
  if (decision.event === 'ADD') return await addFact(fact, decision.text ?? learned.fact.text)
  if (decision.event === 'NOOP') {
    const later = decision.supersededBy === undefined ? undefined : context.learned[decision.supersededBy]
    if (later) return await addEnded(fact, later)
    if (decision.target === null) return undefined
    const held = await unit.find(decision.target)
    if (held) return await confirmMemory(fact, held)
    // The memory was deleted during the model call.
    await recordableTurns(fact, decision.target)
    return undefined
  }
  const held = await unit.find(decision.target)
  if (decision.event === 'UPDATE') {
    return held ? await update(decision, held, fact) : await addFact(fact, decision.text)
  }
  if (!held) return undefined
  const memory = await unit.end(decision.target, learned.sources[0]?.at ?? unit.now, cause)
  return toApplied('DELETE', memory, statedIn)
}

async function update(decision: Update, { memory: before }: Held, applying: FactContext): Promise<Applied> {
  const { unit, context, learned, statedIn, cause } = applying
  const { fact, sources } = learned
  const at = sources[0]?.at ?? unit.now
  const memory = await unit.revise(
    decision.target,
    {
      text: decision.text,
      topic: fact.topic,
      sub_topic: fact.subTopic === '' ? null : fact.subTopic,
      importance: fact.importance,
      event_date: fact.eventDate,
      expires_at: expiryOf(context.rules, fact.topic, at, before.run_id),
      kind: 'extracted',
      ...NO_GRAPH,
      ...learned.graph,
      sources: mergeSources(before.sources, sources),
      valid_from: Math.max(before.valid_from, at),
    },
    cause,
  )
  return toApplied('UPDATE', memory, statedIn, before.text)
}

/** A fact that a later fact of the batch superseded: it is in history and under `as_of`, but not current. */
async function addEnded(fact: FactContext, later: Learned): Promise<undefined> {
  const { unit, learned, cause } = fact
  const added = await addFact(fact, learned.fact.text)
  if (added?.event.event === 'ADD') await unit.end(added.event.id, later.sources[0]?.at ?? unit.now, cause)
}
