import { normalise } from '../../text/normalise.ts'
import type { Collected } from './answer/collect.ts'
import { isPlaceholder } from './answer/facts.ts'
import { readEntity, readRelation } from './answer/relations.ts'
import type { NumberedMessage } from './messages.ts'
import { sourcesOf } from './sources.ts'
import type { Tally } from './tally.ts'
import { type Entity, type ExtractionBatch, type Fact, MAX_RELATED, type Relation } from './types.ts'

/**
 * Entities and relations of an answer, without doubles. Where the rules of an app leave topics out, only what the
 * remaining facts name stays: a relation has no topic of its own to be judged by.
 */
export function relatedOf(
  collected: Collected,
  facts: readonly Fact[],
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
  tally: Tally,
): { entities: Entity[]; relations: Relation[] } {
  const { includeTopics, excludeTopics } = batch.rules
  const isNamed = namedBy(includeTopics.length + excludeTopics.length > 0 ? facts : undefined)
  const relations: Relation[] = []
  for (const item of collected.relations) {
    const written = readRelation(item)
    if (!written || isPlaceholder(written.subject) || isPlaceholder(written.object)) {
      tally.leftOut('relations without all three parts')
      continue
    }
    const { subject, predicate, object, numbers, date } = written
    const sources = sourcesOf({ numbers, speaker: '', text: subject }, batch, numbered, tally)
    if (sources.length === 0 || !isNamed(subject, object)) tally.leftOut('relations that the rules exclude')
    else
      relations.push({
        subject,
        predicate,
        object,
        eventDate: date ?? null,
        source: sources.map(({ source }) => ({ ...source })),
      })
  }
  const entities = collected.entities
    .map(readEntity)
    .filter((one) => one !== undefined && !isPlaceholder(one.name) && isNamed(one.name))
  return {
    entities: bounded(entities as Entity[], ({ name, type }) => [name, type], 'entities', tally),
    relations: bounded(
      relations,
      ({ subject, predicate, object }) => [subject, predicate, object],
      'relations',
      tally,
    ),
  }
}

function namedBy(facts: readonly Fact[] | undefined): (...names: string[]) => boolean {
  if (!facts) return () => true
  const texts = facts.map(({ text }) => normalise(text))
  return (...names) => texts.some((text) => names.every((name) => text.includes(normalise(name))))
}

function bounded<T>(all: readonly T[], keyOf: (one: T) => string[], what: string, tally: Tally): T[] {
  const distinct = new Map(all.map((one) => [JSON.stringify(keyOf(one).map(normalise)), one]))
  const kept = [...distinct.values()].slice(0, MAX_RELATED)
  for (let i = kept.length; i < distinct.size; i++) tally.leftOut(`${what} over ${MAX_RELATED}`)
  return kept
}
