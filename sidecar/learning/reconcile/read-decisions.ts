import type { Completion } from '../../ports/language-model.ts'
import {
  isObject,
  type Json,
  type JsonObject,
  parseModelAnswer,
  parseNested,
} from '../extraction/model-json.ts'
import type { Candidate } from './plan.ts'
import type { Numbering } from './request.ts'

/** One decision of the model about a fact and one of its candidates. */
export type ModelDecision =
  | { action: 'ADD'; why: string }
  | { action: 'UPDATE'; target: Candidate; text: string; why: string }
  | { action: 'DELETE'; target: Candidate; why: string }
  | { action: 'NOOP'; target: Candidate; why: string }

export interface ReadDecisions {
  /** By fact, in the order of the answer. Facts without a usable decision are missing. */
  byFact: Map<number, ModelDecision[]>
  /** Whether the answer contains any decision, usable or not. */
  isRecognised: boolean
  /** What is wrong with the answer, without texts of facts or memories. */
  problems: string[]
}

/** Limits per answer. `MAX_WHY` is in UTF-16 code units, `MAX_DEPTH` in levels of JSON. */
const MAX_DECISIONS = 1_000
const MAX_WHY = 200
const MAX_DEPTH = 12

/**
 * Reads the decisions about the `asked` facts, from the calls or else from the text of an answer. Decisions about other
 * facts or about memories that are no candidates of the fact are rejected.
 */
export function readDecisions(
  { calls, text, finish }: Completion,
  { factNumber, choices }: Numbering,
  asked: readonly number[],
): ReadDecisions {
  const problems: string[] = []
  const isCutOff = finish === 'length'
  let raw = calls.flatMap((call) => {
    if (/decide/i.test(call.name)) return findDecisions(call.arguments, isCutOff)
    problems.push('a call of another function than decide')
    return []
  })
  if (raw.length === 0) raw = findDecisions(text, isCutOff)
  if (raw.length === 0) problems.push('the answer contains no decision')
  if (raw.length > MAX_DECISIONS) problems.push(`the answer contains more than ${MAX_DECISIONS} decisions`)
  if (isCutOff) problems.push('the answer was cut off')

  const byFact = new Map<number, ModelDecision[]>()
  const factByNumber = new Map(asked.map((fact) => [factNumber.get(fact), fact]))
  const seen = new Set<string>()
  let isRecognised = false
  for (const one of raw.slice(0, MAX_DECISIONS)) {
    const fact = factByNumber.get(readNumber(one['fact']))
    const action = readAction(one['action'])
    if (fact === undefined) problems.push('a decision about no fact with "→"')
    else if (action === undefined) problems.push('an unknown action')
    else {
      isRecognised = true
      const decision = readDecision(action, one, choices.get(fact))
      const key = JSON.stringify([fact, decision])
      if (typeof decision === 'string') problems.push(`${action} ${decision}`)
      else if (!seen.has(key)) byFact.set(fact, [...(byFact.get(fact) ?? []), decision])
      seen.add(key)
    }
  }
  return { byFact, isRecognised, problems }
}

/** Objects with the keys "fact" and "action", at any depth, also in JSON within strings. */
function findDecisions(answer: string, isCutOff: boolean): JsonObject[] {
  const search = (value: Json, depth: number): JsonObject[] => {
    if (depth > MAX_DEPTH) return []
    if (typeof value === 'string') return parseNested(value).flatMap((inner) => search(inner, depth + 1))
    if (Array.isArray(value)) return value.flatMap((inner) => search(inner, depth + 1))
    if (!isObject(value)) return []
    if ('fact' in value && 'action' in value) return [value]
    return Object.values(value).flatMap((inner) => search(inner, depth + 1))
  }
  const found = parseModelAnswer(answer, isCutOff).values.map(({ value }) => ({
    isList: !(isObject(value) && 'fact' in value && 'action' in value),
    decisions: search(value, 0),
  }))
  // Of several lists the last counts; single decisions, such as one per line, are parts of one list.
  const from = found.findLastIndex(({ isList, decisions }) => isList && decisions.length > 0)
  return found.slice(Math.max(0, from)).flatMap(({ decisions }) => decisions)
}

/** The decision, or why it is rejected. */
function readDecision(
  action: ModelDecision['action'],
  { memory, text, why }: JsonObject,
  choices: ReadonlyMap<number, Candidate> | undefined,
): ModelDecision | string {
  const given = typeof why === 'string' ? why.trim().slice(0, MAX_WHY).toWellFormed() : ''
  const reason = given || 'no reason given'
  if (action === 'ADD') return { action, why: reason }
  const number = readNumber(memory)
  if (number === undefined) return 'names no memory'
  const target = choices?.get(number)
  if (!target) return `names ${number}, which is not a candidate of the fact`
  if (action !== 'UPDATE') return { action, target, why: reason }
  const proposed = typeof text === 'string' ? text.trim().toWellFormed() : ''
  return { action, target, why: reason, text: proposed }
}

/** Reads an integer, also from a string such as "3", "#3" or "M3"; `undefined` for anything else. */
function readNumber(value: Json | undefined): number | undefined {
  const digits = typeof value === 'string' ? /^[#MF]?\s?(\d{1,6})$/i.exec(value.trim())?.[1] : undefined
  const number = digits === undefined ? value : Number(digits)
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined
}

function readAction(value: Json | undefined): ModelDecision['action'] | undefined {
  const word = typeof value === 'string' ? value.toUpperCase().replace(/[^A-Z]/g, '') : ''
  // Models know these two from the prompts of other memory systems.
  if (word === 'NONE' || word === 'IGNORE') return 'NOOP'
  return ACTIONS.find((action) => action === word)
}

const ACTIONS: readonly ModelDecision['action'][] = ['ADD', 'UPDATE', 'DELETE', 'NOOP']
