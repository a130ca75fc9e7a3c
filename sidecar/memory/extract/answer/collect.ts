import { DEFAULT_TOPICS, OTHER, topicFinder } from '../../model/topics.ts'
import { fieldOf, fieldsOf, isNameOf, isObject, type JsonObject } from './keys.ts'
import { type Json, parseJson, plainKey } from './parse.ts'
import { nextStart, scan } from './scan.ts'
import { isSentence, NOTHING, withoutBullet } from './sentences.ts'

/** The lists of an answer, their items still as the model wrote them. */
export interface Collected {
  facts: Json[]
  entities: Json[]
  relations: Json[]
  summary: string | undefined
  /** Whether a list of facts was named, rather than guessed from items that look like facts. */
  named: boolean
}

/** The facts in a value of whatever shape; `undefined` when it holds no list of facts, not even an empty one. */
export function collect(value: Json, depth = 0): Collected | undefined {
  if (depth > 8) return undefined
  if (typeof value === 'string') return collectText(value, depth)
  if (Array.isArray(value)) return collectArray(value, depth)
  if (!isObject(value) || isSchema(value)) return undefined
  const lists = Object.entries(value).filter(([key, list]) => isNameOf(key, 'facts') && isList(list))
  if (lists.length > 0 && !looksLikeFact(value)) {
    const facts = lists.flatMap(([, list]) => itemsOf(list) ?? [])
    if (lists.every(([, list]) => itemsOf(list) === undefined)) return nested(value, depth)
    return { facts, ...others(value), named: true }
  }
  if (looksLikeFact(value)) return { facts: [value], ...others({}), named: false }
  return nested(value, depth) ?? collectByName(value)
}

/** Whether an object has a text and something else of a fact. */
export function looksLikeFact(value: Json): value is JsonObject {
  if (!isObject(value)) return false
  const text = fieldOf(value, 'text')
  if (typeof text !== 'string' || text.trim() === '' || parsed(text) !== undefined) return false
  const keys = Object.keys(value)
  if (keys.some((key) => isNameOf(key, 'facts') && Array.isArray(value[key]))) return false
  return (
    keys.some((key) => ['text', 'fact'].includes(plainKey(key).toLowerCase())) ||
    (['topic', 'importance', 'messages'] as const).some(
      (field) =>
        fieldOf(value, field) !== undefined && keys.length > 1 && !isNameOf(keys[0] as string, 'wrapper'),
    )
  )
}

function collectArray(value: Json[], depth: number): Collected | undefined {
  const inner = value.map((item) =>
    looksLikeFact(item) || typeof item === 'string' ? undefined : collect(item, depth + 1),
  )
  if (value.length > 0 && inner.every((one) => one !== undefined)) return merge(inner)
  if (
    value.some(looksLikeFact) ||
    (value.length > 0 && value.every((item) => typeof item === 'string' && isSentence(item)))
  )
    return { facts: value, ...others({}), named: false }
  const found = inner.filter((one) => one?.named)
  return found.length > 0 ? merge(found as Collected[]) : undefined
}

function collectText(text: string, depth: number): Collected | undefined {
  const value = parsed(text)
  return value === undefined ? undefined : collect(value, depth + 1)
}

/** Wrappers such as `{"result": …}`; the first that holds facts. */
function nested(value: JsonObject, depth: number): Collected | undefined {
  for (const [key, inner] of Object.entries(value)) {
    if (!isNameOf(key, 'wrapper') && Object.keys(value).length > 1 && !isNameOf(key, 'facts')) continue
    const found =
      typeof inner === 'object' || typeof inner === 'string' ? collect(inner, depth + 1) : undefined
    // Sentences under a name of its own lack the subject that the name gives.
    const isBare =
      !found?.named && !isNameOf(key, 'wrapper') && found?.facts.some((item) => typeof item === 'string')
    if (found && !isBare)
      return { ...found, ...(found.summary === undefined ? { summary: others(value).summary } : {}) }
  }
  return undefined
}

/** `{"work": ["Ana is a nurse"], …}`, every value sentences or facts and the key their topic; or `{"fact_1": …}`. */
function collectByName(value: JsonObject): Collected | undefined {
  const facts = isNumbered(value) ? Object.values(value).filter((item) => item !== null) : byTopic(value)
  return facts && facts.length > 0 ? { facts, ...others({}), named: false } : undefined
}

function byTopic(value: JsonObject): Json[] | undefined {
  const facts: Json[] = []
  for (const [key, list] of Object.entries(value)) {
    const topic = plainKey(key)
    // Sentences under a key that is no topic are remarks, or lack the subject that the key names.
    const isTopic = topicOf(topic).topic !== OTHER
    for (const item of Array.isArray(list) ? list : [list]) {
      if (isTopic && typeof item === 'string' && isSentence(item)) facts.push({ text: item, topic })
      else if (looksLikeFact(item)) facts.push({ topic, ...item })
      else return undefined
    }
  }
  return facts
}

function isNumbered(value: JsonObject): boolean {
  const keys = Object.keys(value)
  return (
    keys.length > 0 && keys.every((key) => /^(?:fact|memory|item|事实|事実)?[ _-]?\d+$/iu.test(plainKey(key)))
  )
}

/** The items of what stands under "facts"; `undefined` if they are wrapped once more. */
function itemsOf(list: Json): Json[] | undefined {
  if (list === null || list === false) return []
  if (Array.isArray(list)) return list
  if (typeof list === 'string') {
    if (NOTHING.test(list.trim())) return []
    const value = parsed(list)
    return value === undefined
      ? list
          .split('\n')
          .map(withoutBullet)
          .filter((line) => line !== '')
      : itemsOf(value)
  }
  if (!isObject(list) || isSchema(list)) return undefined
  if (Object.keys(list).length === 0) return []
  if (looksLikeFact(list)) return [list]
  if (isNumbered(list)) return Object.values(list)
  return byTopic(list)
}

function isList(value: Json): boolean {
  return value === null || value === false || typeof value === 'object' || typeof value === 'string'
}

/** A JSON Schema that is given back instead of an answer to it. */
function isSchema(value: JsonObject): boolean {
  const { type } = value
  if (type === 'array' || type === 'string')
    return isObject(value['items']) || Object.keys(value).length === 1
  return (
    type === 'object' &&
    isObject(value['properties']) &&
    !Object.values(value['properties']).some(Array.isArray)
  )
}

function others(value: JsonObject): Pick<Collected, 'entities' | 'relations' | 'summary'> {
  const list = (field: 'entities' | 'relations') =>
    fieldsOf(value, field).flatMap((one) => (Array.isArray(one) ? one : []))
  const summary = fieldOf(value, 'summary')
  return {
    entities: list('entities'),
    relations: list('relations'),
    summary: typeof summary === 'string' ? summary : undefined,
  }
}

/** What an object beside the one with the facts holds. */
export function collectBeside(value: Json): Collected | undefined {
  const found = isObject(value) ? others(value) : undefined
  const isAny =
    found && (found.entities.length > 0 || found.relations.length > 0 || found.summary !== undefined)
  return isAny ? { facts: [], ...found, named: true } : undefined
}

/** All that several answers hold; of the summaries the last. */
export function merge(all: readonly Collected[]): Collected {
  return {
    facts: all.flatMap(({ facts }) => facts),
    entities: all.flatMap(({ entities }) => entities),
    relations: all.flatMap(({ relations }) => relations),
    summary: all.findLast(({ summary }) => summary !== undefined)?.summary,
    named: all.every(({ named }) => named),
  }
}

/** JSON inside a string; `undefined` for any other text. */
function parsed(text: string): Json | undefined {
  const trimmed = text.trim()
  if (!/^[{[]/u.test(trimmed) || nextStart(trimmed, 0) !== 0) return undefined
  const span = scan(trimmed, 0)
  return span.ending === 'closed' && span.end === trimmed.length && !span.damaged
    ? parseJson(span.canonical)
    : undefined
}

const topicOf = topicFinder(DEFAULT_TOPICS)
