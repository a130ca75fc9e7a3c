import type { SearchEntry } from '../../ports/records.ts'
import { daysOf } from '../../text/dates.ts'
import { detectLexicalFeatures } from '../../text/lexical-features.ts'
import { toWallClock } from '../../text/local-time.ts'
import { isQuestion, splitSentences } from '../../text/sentences.ts'
import { gramsOf } from '../../text/terms/grams.ts'
import { hashGram, hashTerm } from '../../text/terms/hash.ts'
import { normalise } from '../../text/terms/normalise.ts'
import { segment } from '../../text/terms/segment.ts'
import { type Reading, readText, termsOf } from '../../text/terms/tokens.ts'
import { offloaded } from '../../text/workers/worker-pool.ts'
import { firstSaidAt, type Memory } from '../model/memory.ts'

/** Changes with the contents of the entries; the entries of a store with another version are made again. */
export const ENTRY_VERSION = 1

/** The values of a memory that the ranking needs. A type, because an interface is not assignable to `JsonObject`. */
export type Features = {
  /** Conversation, turn and position of the statement; `at` in epoch milliseconds. */
  conversationId: string | null
  turn: number | null
  ordinal: number
  at: number
  role: string
  /** Local time of the statement, wall clock in epoch milliseconds. */
  localAt: number
  /** Starts of the local days that the memory belongs to, epoch milliseconds. */
  days: number[]
  /** The speaker's name: its words in lower case. */
  speaker: string
  language: string
  /** Contains a time expression ("yesterday", "in May"). */
  moment: boolean
  number: boolean
  /** Contains a capitalised word inside a sentence: a name, in scripts that have capitals. */
  name: boolean
  /** Prior that the memory contains a fact, 0…1. */
  informative: number
  /** Share of the sentences that are questions, 0…1. */
  questions: number
}

/** What the entry of a memory is made of. */
export type Statement = Pick<Features, 'conversationId' | 'turn' | 'ordinal' | 'at' | 'role'> & {
  text: string
  /** Name of the speaker. */
  speaker: string
  /** Text said just before. */
  context?: string | undefined
  /** Default: `at`. */
  localAt?: number | undefined
  /** Date of the event, `YYYY-MM-DD` or shorter. */
  eventDate?: string | null | undefined
}

/** Limits per field of one memory: UTF-16 code units read, and terms indexed. */
const MAX_LENGTH = 4_000
const MAX_TERMS = 500
const MAX_DAYS = 16
const MAX_GRAMS = 2_000

export function toSearchEntry({ text, context = '', speaker, ...moment }: Statement): SearchEntry {
  const bounded = text.slice(0, MAX_LENGTH)
  const reading = readText(bounded)
  const { conversationId, turn, ordinal, at, role, localAt = at, eventDate } = moment
  const features: Features = {
    conversationId,
    turn,
    ordinal,
    at,
    role,
    localAt,
    days: daysOf(bounded, localAt, eventDate).slice(0, MAX_DAYS),
    speaker: nameKey(speaker),
    language: reading.language,
    ...traitsOf(bounded, reading),
    questions: askingShare(bounded),
  }
  const before = context === '' ? [] : termsOf(readText(context.slice(-MAX_LENGTH)))
  return {
    terms: hashesOf(termsOf(reading).slice(0, MAX_TERMS)),
    context: hashesOf(before.slice(-MAX_TERMS)),
    grams: Uint16Array.from(gramsOf(reading.words).slice(0, MAX_GRAMS), hashGram),
    features,
  }
}

/** @public Worker threads load it by name. */
export function toSearchEntries(statements: readonly Statement[]): SearchEntry[] {
  return statements.map(toSearchEntry)
}

const entriesOf = offloaded(import.meta.url, toSearchEntries, (statements) =>
  statements.reduce((sum, { text, context = '' }) => sum + text.length + context.length, 0),
)

/** The search entries of memories, computed in a worker thread when there is much text. */
export async function searchEntriesOf(memories: readonly Memory[]): Promise<SearchEntry[]> {
  return await entriesOf(memories.map(toStatement))
}

function toStatement(memory: Memory): Statement {
  const { text, context, speaker, role, sources, created_at, event_date } = memory
  const [source] = sources
  return {
    text,
    speaker,
    role,
    conversationId: source?.conversation_id ?? null,
    turn: source?.turn ?? null,
    ordinal: source?.ordinal ?? 0,
    at: source?.at ?? created_at,
    localAt: toWallClock(firstSaidAt(memory)),
    eventDate: event_date,
    ...(context !== null && { context }),
  }
}

function nameKey(name: string): string {
  return segment(normalise(name))
    .flatMap((word) => (word.kind === 'gram' ? [] : [word.text]))
    .join(' ')
}

function hashesOf(terms: readonly string[]): Uint32Array {
  return Uint32Array.from(terms, hashTerm)
}

function askingShare(text: string): number {
  const sentences = splitSentences(text)
  return sentences.filter(isQuestion).length / Math.max(1, sentences.length)
}

const INNER_NAME = /[\p{Ll},;] (?!I\b)\p{Lu}\p{Ll}+/u

function traitsOf(text: string, { normal, words, language }: Reading) {
  const plain = words.filter((word) => word.kind !== 'gram')
  const { firstPerson, secondPerson, timeExpression, numeral } = detectLexicalFeatures(
    normal,
    plain.map((word) => word.text),
    language,
  )
  return {
    moment: timeExpression,
    number: numeral || plain.some((word) => word.kind === 'number'),
    name: INNER_NAME.test(text),
    informative: informativeness(firstPerson, secondPerson, timeExpression, plain.length),
  }
}

/** Bounds in words, between which a longer memory is more informative. */
const SHORT = 4
const LONG = 64

/**
 * Query-independent prior, a sum of log odds with round constants, scaled to 0…1 (priors in retrieval: Kraaij,
 * Westerveld & Hiemstra 2002). Reactions ("you did great!") are frequent in chat; questions are mostly about what
 * people told of themselves, with a time, at some length.
 */
function informativeness(first: boolean, second: boolean, moment: boolean, length: number): number {
  const subject = first && !second ? 0.5 : second && !first ? -1 : 0
  const size = Math.log(Math.min(LONG, Math.max(SHORT, length)) / SHORT)
  const max = 0.5 + 1 + 1 + Math.log(LONG / SHORT)
  return (1 + subject + (moment ? 1 : 0) + size) / max
}
