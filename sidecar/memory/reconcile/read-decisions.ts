import type { Completion } from '../../ports/language-model.ts'
import { objectsIn } from './json-scan.ts'
import type { Candidate } from './plan.ts'
import type { Numbering } from './request.ts'
import type { Rejection } from './types.ts'

/** One thing that the model decided of a fact, about something that the fact may be about. */
export type Item =
  | { action: 'ADD'; why: string }
  | { action: 'UPDATE'; target: Candidate; text: string; why: string }
  | { action: 'DELETE'; target: Candidate; why: string }
  | { action: 'NOOP'; target: Candidate; why: string }

export interface Reading {
  /** By fact, in the order of the answer; facts without a usable decision are not in it. */
  items: Map<number, Item[]>
  /** Whether anything was a decision at all, usable or not. */
  recognised: boolean
  rejected: Rejection[]
}

/** Most decisions read of one answer, and rejections told of it. */
const MAX_ITEMS = 1_000
const MAX_REJECTIONS = 50
const MAX_WHY = 200

/**
 * The decisions in an answer, of calls first and else of the text, about `asked` facts and within the closed set of
 * each. Whatever else the model said is in `rejected`.
 */
export function readDecisions(
  { calls, text, finish }: Completion,
  numbering: Numbering,
  asked: readonly number[],
): Reading {
  const rejected: Rejection[] = []
  const reject = (what: string, why: string) => {
    if (rejected.length < MAX_REJECTIONS) rejected.push({ what, why })
  }
  let raw = calls.flatMap((call) => {
    if (/decide/i.test(call.name)) return objectsIn(call.arguments, looksDecided)
    reject('a call', 'of another function than decide')
    return []
  })
  if (raw.length === 0) raw = objectsIn(text, looksDecided)
  if (raw.length === 0) reject('the answer', `${finish === 'length' ? 'cut off, ' : ''}holds no decision`)
  else if (finish === 'length') reject('the answer', 'was cut off')
  if (raw.length > MAX_ITEMS) reject('the answer', `holds more than ${MAX_ITEMS} decisions`)

  const items = new Map<number, Item[]>()
  const factOf = new Map(asked.map((fact) => [numbering.factNumber.get(fact), fact]))
  const seen = new Set<string>()
  let recognised = false
  for (const one of raw.slice(0, MAX_ITEMS)) {
    const number = toNumber(one['fact'])
    const fact = factOf.get(number ?? undefined)
    const action = toAction(one['action'])
    if (fact === undefined) {
      reject('a decision', `about ${number === null ? 'no fact' : `${number}, which is no fact to decide`}`)
    } else if (action === undefined) {
      reject(`facts[${fact}]`, 'unknown action')
    } else {
      recognised = true
      const item = toItem(action, one, numbering.choices.get(fact))
      const key = JSON.stringify([fact, item])
      if (typeof item === 'string') reject(`facts[${fact}] ${action}`, item)
      else if (!seen.has(key)) items.set(fact, [...(items.get(fact) ?? []), item])
      seen.add(key)
    }
  }
  return { items, recognised, rejected }
}

/** The item, or why it is none. */
function toItem(
  action: Item['action'],
  { memory, text, why }: Record<string, unknown>,
  choices: ReadonlyMap<number, Candidate> | undefined,
): Item | string {
  const reason =
    typeof why === 'string' && why.trim() !== '' ? why.trim().slice(0, MAX_WHY) : 'no reason given'
  if (action === 'ADD') return { action, why: reason.toWellFormed() }
  const number = toNumber(memory)
  if (number === null) return 'names no memory'
  const target = choices?.get(number)
  if (!target) return `names ${number}, which is not among what the fact may concern`
  const found = { target, why: reason.toWellFormed() }
  if (action !== 'UPDATE') return { action, ...found }
  return { action, ...found, text: typeof text === 'string' ? text.trim().toWellFormed() : '' }
}

function looksDecided(value: Record<string, unknown>): boolean {
  return 'fact' in value && 'action' in value
}

/** A whole number, also as a string ("3", "#3"); `null` for anything else. */
function toNumber(value: unknown): number | null {
  const digits = typeof value === 'string' ? /^[#MF]?\s?(\d{1,6})$/i.exec(value.trim())?.[1] : undefined
  const number = digits === undefined ? value : Number(digits)
  return typeof number === 'number' && Number.isInteger(number) ? number : null
}

function toAction(value: unknown): Item['action'] | undefined {
  const word = typeof value === 'string' ? value.toUpperCase().replace(/[^A-Z]/g, '') : ''
  // The words that other memory prompts, and so a model's habit, have for the same.
  if (word === 'NONE' || word === 'IGNORE') return 'NOOP'
  return ACTIONS.find((action) => action === word)
}

const ACTIONS: readonly Item['action'][] = ['ADD', 'UPDATE', 'DELETE', 'NOOP']
