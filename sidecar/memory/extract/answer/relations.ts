import type { Entity } from '../types.ts'
import { textOf, tidy } from './facts.ts'
import { readDate, readNumbers } from './fields.ts'
import { fieldOf, isObject } from './keys.ts'
import type { Json } from './parse.ts'

/** A relation as the model gave it, not yet checked against the batch. */
export interface WrittenRelation {
  subject: string
  predicate: string
  object: string
  numbers: number[]
  date: string | null | undefined
}

/** An entity of an object or of a plain name; `undefined` when it has no name. */
export function readEntity(item: Json): Entity | undefined {
  if (typeof item === 'string') {
    // "Acme (organisation)"
    const [, name = item, type = ''] = /^(.+?)\s*[(（]([^()（）]{1,40})[)）]$/u.exec(item.trim()) ?? []
    return name.trim() === '' ? undefined : { name: short(name), type: short(type) }
  }
  if (Array.isArray(item))
    return item.length > 0 ? readEntity({ name: item[0] ?? '', type: item[1] ?? '' }) : undefined
  if (!isObject(item)) return undefined
  const name = textOf(fieldOf(item, 'name'))
  return name === '' ? undefined : { name: short(name), type: short(textOf(fieldOf(item, 'type'))) }
}

/** A triple of an object, of a list of three, or of a text with arrows or bars; `undefined` when a part is missing. */
export function readRelation(item: Json): WrittenRelation | undefined {
  const parts =
    typeof item === 'string'
      ? item.replace(/^[([（]|[)\]）]$/gu, '').split(/\s*(?:--?>|→|\||--|::|\t)\s*|\s*[,，]\s*/u)
      : Array.isArray(item)
        ? item.map(textOf)
        : undefined
  if (parts) {
    const [subject = '', predicate = '', object = ''] = parts
    return parts.length === 3 ? triple(subject, predicate, object, [], null) : undefined
  }
  if (!isObject(item)) return undefined
  const subject = textOf(fieldOf(item, 'subject'))
  const messages = fieldOf(item, 'messages')
  return triple(
    subject,
    textOf(fieldOf(item, 'predicate')),
    textOf(fieldOf(item, 'object')),
    // "source" is the subject in some answers and the messages in others.
    messages === subject ? [] : readNumbers(messages),
    readDate(fieldOf(item, 'date')),
  )
}

function triple(
  subject: string,
  predicate: string,
  object: string,
  numbers: number[],
  date: string | null | undefined,
): WrittenRelation | undefined {
  if (subject === '' || predicate === '' || object === '') return undefined
  return { subject: short(subject), predicate: short(predicate), object: short(object), numbers, date }
}

/** Names longer than this are no names. */
function short(text: string): string {
  return tidy(tidy(text).slice(0, 200))
}
