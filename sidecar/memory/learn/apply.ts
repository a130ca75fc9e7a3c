import { expiryOf } from '../../rules/rules.ts'
import type { Decision, Update } from '../reconcile/types.ts'
import type { Held, UnitOfWork } from '../unit-of-work.ts'
import { merged, say, sayAgain, throughWhich } from './say.ts'
import { type ApplyContext, type Done, type Learned, type Saying, type TurnEvent, turnsOf } from './types.ts'

/**
 * Applies decisions and returns the resulting events. A turn records its effects, so that they can be undone when the turn
 * is replaced; a memory that was deleted from a turn is not created from it again.
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
    const { model, promptVersion } = context
    const turn = says.at(-1)
    const cause = { actor: 'extraction' as const, reason: decision.reason, turn, model, promptVersion }
    const done = await applyOne(decision, { unit, context, learned, says, cause, nth })
    const last = done?.through.at(-1)
    if (!done || !last) continue
    const { event, effect, through } = done
    events.push({ turnId: last.id, event })
    for (const one of through) {
      if (!one.memory_ids.includes(effect.memory_id)) one.memory_ids.push(effect.memory_id)
      // The last turn has the effect; the other turns repeat it.
      one.effects.push(one === last ? effect : { ...effect, event: 'NOOP' })
    }
  }
  return events
}

/** The sources of a repeated fact are added to the fact that stands for both. */
function joinSources(decisions: readonly Decision[], learned: readonly Learned[]): void {
  for (const decision of decisions) {
    if (decision.event !== 'NOOP' || decision.sameAs === undefined) continue
    const [own, other] = [learned[decision.fact], learned[decision.sameAs]]
    if (own && other) other.sources = merged(other.sources, own.sources)
  }
}

async function applyOne(decision: Decision, saying: Saying): Promise<Done | undefined> {
  const { unit, context, learned, says } = saying
  if (decision.event === 'ADD') return await say(saying, decision.text ?? learned.fact.text)
  if (decision.event === 'NOOP') {
    const later = decision.supersededBy === undefined ? undefined : context.learned[decision.supersededBy]
    if (later) return await sayEnded(saying, later)
    if (decision.target === null) return undefined
    const held = await unit.find(decision.target)
    if (held) return await sayAgain(saying, held)
    // Deleted during the model call.
    await throughWhich(saying, decision.target)
    return undefined
  }
  const held = await unit.find(decision.target)
  if (decision.event === 'UPDATE') {
    return held ? await update(decision, held, saying) : await say(saying, decision.text)
  }
  if (!held) return undefined
  const said = learned.sources[0]?.at ?? unit.now
  const memory = await unit.end(decision.target, said, saying.cause)
  return {
    event: { event: 'DELETE', id: memory.id, memory: memory.text },
    effect: { event: 'DELETE', memory_id: memory.id, version: memory.version },
    through: says,
  }
}

async function update(decision: Update, { memory: before }: Held, saying: Saying): Promise<Done> {
  const { unit, context, learned, says, cause } = saying
  const { fact, sources } = learned
  const said = sources[0]?.at ?? unit.now
  const memory = await unit.revise(
    decision.target,
    {
      text: decision.text,
      topic: fact.topic,
      sub_topic: fact.subTopic === '' ? null : fact.subTopic,
      importance: fact.importance,
      event_date: fact.eventDate,
      expires_at: expiryOf(context.rules, fact.topic, said, before.run_id),
      kind: 'extracted',
      sources: merged(before.sources, sources),
      valid_from: Math.max(before.valid_from, said),
    },
    cause,
  )
  return {
    event: { event: 'UPDATE', id: memory.id, memory: memory.text, previous: before.text },
    effect: { event: 'UPDATE', memory_id: memory.id, version: memory.version },
    through: says,
  }
}

/** Records a fact that a later fact of the batch ends: it appears in the history and under `as_of`. */
async function sayEnded(saying: Saying, later: Learned): Promise<undefined> {
  const { unit, learned, cause } = saying
  const added = await say(saying, learned.fact.text)
  if (added?.event.event === 'ADD') await unit.end(added.event.id, later.sources[0]?.at ?? unit.now, cause)
}
