import { normalise } from '../../text/terms/normalise.ts'
import type { AnswerContent } from './collect.ts'
import { clean, fieldOf, isPlaceholder, readDate, readNumbers, readText } from './fields.ts'
import { type NumberedMessage, resolveSources } from './messages.ts'
import { isObject, type Json } from './model-json.ts'
import {
  type Entity,
  type Extraction,
  type ExtractionBatch,
  type Fact,
  MAX_RELATED,
  type Relation,
} from './types.ts'

/**
 * Checks the entities and relations of an answer and removes duplicates. A relation has no topic, so where the rules
 * exclude topics, only what the remaining facts name is kept.
 */
export function checkRelated(
  content: AnswerContent,
  facts: readonly Fact[],
  { rules }: ExtractionBatch,
  numbered: readonly NumberedMessage[],
): Pick<Extraction, 'entities' | 'relations'> {
  const hasTopicRules = rules.include_topics.length + rules.exclude_topics.length > 0
  const texts = facts.map(({ text }) => normalise(text))
  const isNamed = (...names: string[]) =>
    !hasTopicRules || texts.some((text) => names.every((name) => text.includes(normalise(name))))
  const relations = content.relations.flatMap((item) => {
    const read = readRelation(item)
    if (!read || !isNamed(read.subject, read.object)) return []
    const { numbers, ...relation } = read
    const messages = resolveSources({ numbers, speaker: '', text: relation.subject }, rules, numbered)
    return messages.length === 0 ? [] : [{ ...relation, source: messages.map(({ source }) => source) }]
  })
  const entities = content.entities
    .flatMap((item) => readEntity(item) ?? [])
    .filter(({ name }) => !isPlaceholder(name) && isNamed(name))
  return {
    entities: unique(entities, ({ name, type }) => [name, type]),
    relations: unique(relations, ({ subject, predicate, object }) => [subject, predicate, object]),
  }
}

/** Reads an entity from an object or a plain name; `undefined` when it has no name. */
function readEntity(item: Json): Entity | undefined {
  if (typeof item === 'string') {
    // "Acme (organisation)"
    const [, name = item, type = ''] = /^(.+?)\s*[(（]([^()（）]{1,40})[)）]$/u.exec(item.trim()) ?? []
    return readEntity({ name, type })
  }
  if (!isObject(item)) return undefined
  const name = readName(fieldOf(item, 'name'))
  return name === '' ? undefined : { name, type: readName(fieldOf(item, 'type')) }
}

/** Reads a relation from an object, a list of three, or text such as `Ana -> knows -> Tom`. */
function readRelation(item: Json): (Omit<Relation, 'source'> & { numbers: number[] }) | undefined {
  const parts = typeof item === 'string' ? item.split(/\s*(?:->|→|\|)\s*/u) : item
  if (Array.isArray(parts)) {
    const [subject = '', predicate = '', object = ''] = parts
    return parts.length === 3 ? readRelation({ subject, predicate, object }) : undefined
  }
  if (!isObject(parts)) return undefined
  const subject = readName(fieldOf(parts, 'subject'))
  const predicate = readName(fieldOf(parts, 'predicate'))
  const object = readName(fieldOf(parts, 'object'))
  if (predicate === '' || isPlaceholder(subject) || isPlaceholder(object)) return undefined
  // In some answers "source" is the subject, in others the messages.
  const messages = fieldOf(parts, 'messages')
  const numbers = messages === subject ? [] : readNumbers(messages)
  return { subject, predicate, object, numbers, eventDate: readDate(fieldOf(parts, 'date')) }
}

/** Longest name of an entity or predicate, in UTF-16 code units. */
const MAX_NAME_LENGTH = 200

function readName(value: Json | undefined): string {
  return clean(readText(value).slice(0, MAX_NAME_LENGTH))
}

function unique<T>(all: readonly T[], keyOf: (one: T) => string[]): T[] {
  const distinct = new Map(all.map((one) => [JSON.stringify(keyOf(one).map(normalise)), one]))
  return [...distinct.values()].slice(0, MAX_RELATED)
}
