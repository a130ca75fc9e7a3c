import { fieldOf, isNameOf, isPlaceholder } from './fields.ts'
import { isObject, type Json, type JsonObject, parseNested } from './model-json.ts'

/** The lists of an answer, with their items as the model wrote them. */
export interface AnswerContent {
  facts: Json[]
  entities: Json[]
  relations: Json[]
  summary: string | undefined
  /** The facts were under a key such as "facts". If not, they are a guess and must be checked for grounding. */
  isNamed: boolean
}

/** Deepest nesting of wrappers such as `{"result": {"data": ...}}` that is searched. */
const MAX_DEPTH = 8

/** Finds the list of facts in a JSON value; `undefined` when there is none, not even an empty one. */
export function collect(value: Json, depth = 0): AnswerContent | undefined {
  if (depth > MAX_DEPTH) return undefined
  if (typeof value === 'string') return mergeFound(parseNested(value), depth)
  if (Array.isArray(value)) return collectList(value, depth)
  if (!isObject(value) || isSchema(value)) return undefined
  if (looksLikeFact(value)) return guess([value])
  const named = Object.entries(value).filter(([key]) => isNameOf(key, 'facts'))
  const lists = named.map(([, list]) => itemsOf(list)).filter((list) => list !== undefined)
  if (lists.length > 0) return { facts: lists.flat(), ...relatedOf(value), isNamed: true }
  return collectNested(value, depth)
}

/** Entities, relations and summary of an object without facts, for answers that are split into several objects. */
export function collectRelated(value: Json): AnswerContent | undefined {
  if (!isObject(value) || collect(value)) return undefined
  return { facts: [], ...relatedOf(value), isNamed: true }
}

/** Concatenates the lists of several answers; the last summary wins. */
export function merge(all: readonly AnswerContent[]): AnswerContent {
  return {
    facts: all.flatMap(({ facts }) => facts),
    entities: all.flatMap(({ entities }) => entities),
    relations: all.flatMap(({ relations }) => relations),
    summary: all.findLast(({ summary }) => summary !== undefined)?.summary,
    isNamed: all.every(({ isNamed }) => isNamed),
  }
}

/** Whether a text is long enough to be a statement. */
function isSentence(text: string): boolean {
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  return letters >= 4 && (text.trim().split(/\s+/u).length >= 3 || UNSPACED.test(text))
}

function collectList(nested: Json[], depth: number): AnswerContent | undefined {
  const list = flatten(nested)
  const isSentences = list.length > 0 && list.every((item) => typeof item === 'string' && isSentence(item))
  if (isSentences || list.some(looksLikeFact)) return guess(list)
  return mergeFound(list, depth)
}

/** jsonrepair turns `[{...},,{...}]` into `[[{...}],{...}]`. */
function flatten(list: Json[], depth = 0): Json[] {
  if (depth > MAX_DEPTH) return list
  const isList = (item: Json) => Array.isArray(item) && item.every((one) => typeof one === 'object')
  return list.flatMap((item) => (isList(item) ? flatten(item as Json[], depth + 1) : [item]))
}

function collectNested(value: JsonObject, depth: number): AnswerContent | undefined {
  const found = Object.entries(value).flatMap(([key, inner]) =>
    NOT_SEARCHED.some((field) => isNameOf(key, field)) ? [] : (collect(inner, depth + 1) ?? []),
  )
  // Sentences under an arbitrary key may lack their subject: {"Ana": ["is a nurse in Lyon"]}.
  const isAmbiguous = (one: AnswerContent) =>
    !one.isNamed && one.facts.some((item) => typeof item === 'string')
  if (found.length === 0 || found.some(isAmbiguous)) return undefined
  const content = merge(found)
  return { ...content, summary: content.summary ?? relatedOf(value).summary }
}

const NOT_SEARCHED = ['entities', 'relations', 'summary'] as const

function mergeFound(values: readonly Json[], depth: number): AnswerContent | undefined {
  const found = values.flatMap((value) => collect(value, depth + 1) ?? [])
  return found.length > 0 ? merge(found) : undefined
}

function guess(facts: Json[]): AnswerContent {
  return { facts, entities: [], relations: [], summary: undefined, isNamed: false }
}

/** Whether an object has a text and another field of a fact. */
function looksLikeFact(value: Json): boolean {
  if (!isObject(value)) return false
  const text = fieldOf(value, 'text')
  if (typeof text !== 'string' || text.trim() === '' || parseNested(text).length > 0) return false
  const keys = Object.keys(value)
  if (keys.some((key) => isNameOf(key, 'facts') && Array.isArray(value[key]))) return false
  return (
    ['text', 'fact'].some((key) => key in value) ||
    FACT_FIELDS.some((field) => fieldOf(value, field) !== undefined)
  )
}

const FACT_FIELDS = ['topic', 'importance', 'messages'] as const

/** The items under "facts"; `undefined` when the value is no list of facts. */
function itemsOf(list: Json): Json[] | undefined {
  if (Array.isArray(list)) return flatten(list)
  if (list === null || list === false) return []
  if (typeof list === 'string') {
    if (isPlaceholder(list)) return []
    const [inner] = parseNested(list)
    return inner === undefined ? undefined : itemsOf(inner)
  }
  if (!isObject(list) || isSchema(list)) return undefined
  if (Object.keys(list).length === 0) return []
  if (looksLikeFact(list)) return [list]
  // `{"fact_1": {...}}` or `{"work": [...], "health": [...]}`
  const values = Object.values(list).flat()
  return values.every(looksLikeFact) ? values : undefined
}

/** A JSON Schema that is returned instead of an answer. */
function isSchema(value: JsonObject): boolean {
  const { type, properties, items } = value
  if (type === 'array' || type === 'string') return isObject(items) || Object.keys(value).length === 1
  return type === 'object' && isObject(properties) && !Object.values(properties).some(Array.isArray)
}

function relatedOf(value: JsonObject): Pick<AnswerContent, 'entities' | 'relations' | 'summary'> {
  const entities = fieldOf(value, 'entities')
  const relations = fieldOf(value, 'relations')
  const summary = fieldOf(value, 'summary')
  return {
    entities: Array.isArray(entities) ? entities : [],
    relations: Array.isArray(relations) ? relations : [],
    summary: typeof summary === 'string' ? summary : undefined,
  }
}

const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Hangul}]{4}/u
