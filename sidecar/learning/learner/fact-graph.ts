import {
  graphOfText,
  type MemoryGraph,
  type Mention,
  type StoredRelation,
  toMemoryGraph,
} from '../../memory/model/graph.ts'
import type { Turn } from '../../memory/model/turns.ts'
import { canonicalLabel, canonicalName } from '../../text/relations/labels.ts'
import { normalise } from '../../text/terms/normalise.ts'
import type { Entity, Extraction, Fact, FactSource, Relation } from '../extraction/types.ts'

/** Confidence of a relation that a model found. No labelled set measures it, so it is below that of a pattern. */
const MODEL_CONFIDENCE = 0.8

/**
 * The entities and relations of each fact, in the order of the facts. A relation belongs to the fact of the same message
 * that names both of its ends, so that it lives as long as the memory of that fact; one that no fact states is left out.
 * Where the model found none, the patterns read the messages.
 */
export function graphsOf(
  { facts, entities, relations }: Extraction,
  turns: readonly Turn[],
  now: number,
): MemoryGraph[] {
  const graphs = facts.map(() => ({ mentions: [] as Mention[], relations: [] as StoredRelation[] }))
  const texts = facts.map(({ text }) => normalise(text))
  for (const [i, text] of texts.entries()) {
    const named = entities.filter(({ name }) => text.includes(normalise(name)))
    graphs[i]?.mentions.push(...named.map(toMention))
  }
  for (const relation of relations) {
    const at = bestFact(relation, facts, texts)
    const fact = facts[at]
    if (fact) graphs[at]?.relations.push(toStored(relation, fact, entities, now))
  }
  if (relations.length === 0) {
    for (const { relation, source } of patternRelations(facts, turns, now)) {
      const at = bestFact({ ...relation, source: [source] }, facts, texts)
      graphs[at]?.relations.push(relation)
    }
  }
  return graphs.map(({ mentions, relations }) => toMemoryGraph(mentions, relations))
}

/** The place of the fact that states a relation best; -1 for none. */
function bestFact(
  { subject, object, source }: Pick<Relation, 'subject' | 'object' | 'source'>,
  facts: readonly Fact[],
  texts: readonly string[],
): number {
  const [from, to] = [normalise(subject), normalise(object)]
  let best = { at: -1, points: 0 }
  for (const [at, fact] of facts.entries()) {
    const isSameMessage = fact.source.some((one) => source.some((other) => isSame(one, other)))
    const text = texts[at] as string
    const points = (isSameMessage ? 2 : 0) + (text.includes(to) ? 2 : 0) + (text.includes(from) ? 1 : 0)
    if (points > best.points) best = { at, points }
  }
  return best.points >= 2 ? best.at : -1
}

function isSame(one: FactSource, other: FactSource): boolean {
  return one.turnId === other.turnId && one.ordinal === other.ordinal
}

function toStored(
  { subject, predicate, object, eventDate }: Relation,
  { speaker }: Fact,
  entities: readonly Entity[],
  now: number,
): StoredRelation {
  const type = entities.find(({ name }) => normalise(name) === normalise(object))?.type
  return {
    subject: canonicalName(subject, speaker),
    label: canonicalLabel(predicate),
    object: canonicalName(object, speaker),
    object_type: toType(type),
    confidence: MODEL_CONFIDENCE,
    ...(eventDate !== null && { since: eventDate }),
    recorded_at: now,
  }
}

function toMention({ name, type }: Entity): Mention {
  return { name, type: toType(type) }
}

function toType(type: string | undefined): string {
  const plain = normalise(type ?? '').trim()
  return plain === '' ? 'name' : (TYPES[plain] ?? plain)
}

const TYPES: Record<string, string> = {
  ...{ org: 'organisation', organization: 'organisation', company: 'organisation', school: 'organisation' },
  ...{ location: 'place', city: 'place', country: 'place', pet: 'animal', dog: 'animal', cat: 'animal' },
}

function patternRelations(facts: readonly Fact[], turns: readonly Turn[], now: number) {
  const sources = new Map(
    facts.flatMap(({ source, role, speaker }) =>
      source.map((one) => [`${one.turnId}/${one.ordinal}`, { source: one, role, speaker }] as const),
    ),
  )
  return [...sources.values()].flatMap(({ source, role, speaker }) => {
    const text = turns.find(({ id }) => id === source.turnId)?.messages[source.ordinal]?.content ?? ''
    const { relations = [] } = graphOfText({ text, role, speaker }, now)
    return relations.map((relation) => ({ relation, source }))
  })
}
