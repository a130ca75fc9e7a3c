import type { Importance } from '../types.ts'
import { readDate, readImportance, readNumbers } from './fields.ts'
import { type Field, fieldOf, fieldsOf, isObject, type JsonObject } from './keys.ts'
import type { Json } from './parse.ts'
import { isSentence, NOTHING } from './sentences.ts'

/** A fact as the model gave it, its fields read but not yet checked against the batch. */
export interface WrittenFact {
  text: string
  topic: string
  subTopic: string
  /** Of the messages it cites, as written: they may not exist. */
  numbers: number[]
  importance: Importance
  /** `undefined` for what is no date. */
  date: string | null | undefined
  speaker: string
}

/** Every fact in an item of the list; none when it has no text, or only the placeholder of a template. */
export function readFact(item: Json): WrittenFact[] {
  if (typeof item === 'string') return isPlaceholder(item) ? [] : [plainFact(item)]
  if (Array.isArray(item)) return readTuple(item)
  if (!isObject(item)) return []
  // A key that is repeated in one object is another fact, not a correction.
  const texts = fieldsOf(item, 'text')
  const inner = texts.find(isObject)
  if (inner) return readFact({ ...inner, ...without(item, inner) })
  const written = texts.filter((text) => typeof text === 'string')
  const found = written.length > 0 ? written : sentencesOf(item)
  return found.flatMap((text, i) => {
    if (isPlaceholder(text)) return []
    const at = (field: Field) => fieldsOf(item, field)[i] ?? fieldOf(item, field)
    const [topic = '', subOfTopic = ''] = textOf(at('topic')).split(/\s*(?:::|\/|>|→)\s*/u)
    return [
      {
        text: tidy(text),
        topic,
        subTopic: textOf(at('subTopic')) || subOfTopic,
        numbers: readNumbers(at('messages')),
        importance: readImportance(at('importance')),
        date: readDate(at('date')),
        speaker: textOf(at('speaker')),
      },
    ]
  })
}

/** The text of a field that should be one, of a list its first. */
export function textOf(value: Json | undefined): string {
  if (typeof value === 'string') return value.trim()
  return Array.isArray(value) ? textOf(value[0]) : ''
}

/** Trimmed, without halves of emoji, and without escapes that were escaped once more (`\\\\u5c0f`). */
export function tidy(text: string): string {
  const read = text.replace(/\\u([0-9a-f]{4})/giu, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
  return read.toWellFormed().replaceAll('\ufffd', '').trim()
}

/** Parts of the template that a model gives back unfilled. */
export function isPlaceholder(text: string): boolean {
  const trimmed = text.trim()
  return trimmed === '' || NOTHING.test(trimmed) || PLACEHOLDER.test(trimmed)
}

function plainFact(text: string): WrittenFact {
  const [whole = '', numbers = ''] =
    /\s*[[(（](?:messages?|msg|消息|メッセージ)?s?[ :：#]*([\d, ]+)[\])）]\.?$/iu.exec(text) ?? []
  const said = tidy(text.slice(0, text.length - whole.length))
  return {
    text: said,
    topic: '',
    subTopic: '',
    numbers: readNumbers(numbers),
    importance: 3,
    date: null,
    speaker: '',
  }
}

/** `["Ana is a nurse", "work"]`: one sentence, and perhaps its topic. */
function readTuple(item: Json[]): WrittenFact[] {
  const sentences = item.filter((one) => typeof one === 'string' && isSentence(one))
  const [topic = ''] = item.filter((one) => typeof one === 'string' && !isSentence(one))
  return sentences.length === 1 ? readFact({ text: sentences[0] as string, topic }) : []
}

/** Under an unknown key the one text that reads like a sentence. */
function sentencesOf(item: JsonObject): string[] {
  const found = Object.values(item).filter((value) => typeof value === 'string' && isSentence(value))
  return found.length === 1 ? (found as string[]) : []
}

function without(item: JsonObject, value: Json): JsonObject {
  return Object.fromEntries(Object.entries(item).filter(([, one]) => one !== value))
}

const PLACEHOLDER =
  /^(?:\.{2,}|…|string|text|fact|str|(?:the |your |a |an )?(?:example )?(?:fact|sentence|memory)(?: text| here| goes here| \d)?|<[^<>]{0,80}>|\{[^{}]{0,80}\}|\[[^[\]]{0,80}\]|lorem ipsum.*)$/iu
