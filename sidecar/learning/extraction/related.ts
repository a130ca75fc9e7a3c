import { normalise } from '../../text/terms/normalise.ts'
import type { AnswerContent } from './collect.ts'
import { clean, fieldOf, isPlaceholder, readDate, readNumbers, readText } from './fields.ts'
import { type NumberedMessage, resolveSources } from './messages.ts'
import { isObject, type Json } from './model-json.ts'
import type { NoteCounter } from './notes.ts'
import { type Entity, type ExtractionBatch, type Fact, MAX_RELATED, type Relation } from './types.ts'

/**
 * Checks the entities and relations of an answer and removes duplicates. When the rules exclude topics, only those that
 * the remaining facts name are kept, because a relation has no topic of its own.
 */
export function checkRelated(
  content: AnswerContent,
  facts: readonly Fact[],
  batch: ExtractionBatch,
  numbered: readonly NumberedMessage[],
  notes: NoteCounter,
): { entities: Entity[]; relations: Relation[] } {
  const { includeTopics, excludeTopics } = batch.rules
  const isNamed = nameFilter(includeTopics.length + excludeTopics.length > 0 ? facts : undefined)
  const relations: Relation[] = []
  for (const item of content.relations) {
    const raw = readRelation(item)
    if (!raw || isPlaceholder(raw.subject) || isPlaceholder(raw.object)) {
      notes.countOmitted('relations without all three parts')
      continue
    }
    const { subject, predicate, object, numbers, date } = raw
    const citation = { numbers, speaker: '', text: subject }
    const sources = resolveSources(citation, batch, numbered, (what) => notes.count(what))
    if (sources.length === 0 || !isNamed(subject, object)) {
      notes.countOmitted('relations that the rules exclude')
      continue
    }
    const source = sources.map((one) => ({ ...one.source }))
    relations.push({ subject, predicate, object, eventDate: date ?? null, source })
  }
  const entities = content.entities
    .map(readEntity)
    .filter((one) => one !== undefined && !isPlaceholder(one.name) && isNamed(one.name)) as Entity[]
  return {
    entities: unique(entities, ({ name, type }) => [name, type], 'entities', notes),
    relations: unique(
      relations,
      ({ subject, predicate, object }) => [subject, predicate, object],
      'relations',
      notes,
    ),
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

interface RawRelation {
  subject: string
  predicate: string
  object: string
  numbers: number[]
  date: string | null | undefined
}

/** Reads a relation from an object, a list of three, or text such as `Ana -> knows -> Tom`. */
function readRelation(item: Json): RawRelation | undefined {
  const parts = typeof item === 'string' ? item.split(/\s*(?:->|→|\|)\s*/u) : item
  if (Array.isArray(parts)) {
    const [subject = '', predicate = '', object = ''] = parts
    return parts.length === 3 ? readRelation({ subject, predicate, object }) : undefined
  }
  if (!isObject(parts)) return undefined
  const subject = readName(fieldOf(parts, 'subject'))
  const predicate = readName(fieldOf(parts, 'predicate'))
  const object = readName(fieldOf(parts, 'object'))
  if (subject === '' || predicate === '' || object === '') return undefined
  // In some answers "source" is the subject, in others the messages.
  const messages = fieldOf(parts, 'messages')
  const numbers = messages === subject ? [] : readNumbers(messages)
  return { subject, predicate, object, numbers, date: readDate(fieldOf(parts, 'date')) }
}

/** Longest name of an entity or predicate, in UTF-16 code units. */
const MAX_NAME_LENGTH = 200

function readName(value: Json | undefined): string {
  return clean(readText(value).slice(0, MAX_NAME_LENGTH))
}

function nameFilter(facts: readonly Fact[] | undefined): (...names: string[]) => boolean {
  if (!facts) return () => true
  const texts = facts.map(({ text }) => normalise(text))
  return (...names) => texts.some((text) => names.every((name) => text.includes(normalise(name))))
}

function unique<T>(all: readonly T[], keyOf: (one: T) => string[], what: string, notes: NoteCounter): T[] {
  const distinct = new Map(all.map((one) => [JSON.stringify(keyOf(one).map(normalise)), one]))
  const kept = [...distinct.values()].slice(0, MAX_RELATED)
  for (let i = kept.length; i < distinct.size; i++) notes.countOmitted(`${what} over ${MAX_RELATED}`)
  return kept
}
