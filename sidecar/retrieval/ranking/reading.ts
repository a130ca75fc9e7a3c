import { detectLexicalFeatures } from '../../text/lexical-features.ts'
import { type Reading, readText, termsOf } from '../../text/terms/tokens.ts'
import { chunksByLength, offloaded } from '../../text/workers/worker-pool.ts'
import { speakerKey } from './speakers.ts'

/** The texts of a memory that are indexed. */
export interface MemoryTexts {
  text: string
  speaker: string
  /** Text said just before the memory. */
  context?: string
}

/** What the index derives from the texts of a memory. */
export interface MemoryReading {
  language: string
  /** Result of `speakerKey`. */
  speaker: string
  traits: Traits
  terms: readonly string[]
  contextTerms: readonly string[]
}

/** Properties of a memory that do not depend on a query. */
export interface Traits {
  /** Contains a time expression ("yesterday", "in May"). */
  moment: boolean
  number: boolean
  /** Contains a capitalised word inside a sentence: a name, in scripts that have capitals. */
  name: boolean
  /** Prior that the memory contains a fact, 0…1. */
  informative: number
}

/** Limits per field of one memory: UTF-16 code units read, and terms indexed. */
export const MAX_LENGTH = 4_000
const MAX_TERMS = 500

export function readMemory({ text, speaker, context = '' }: MemoryTexts): MemoryReading {
  const bounded = text.slice(0, MAX_LENGTH)
  const reading = readText(bounded)
  return {
    language: reading.language,
    speaker: speakerKey(speaker),
    traits: traitsOf(bounded, reading),
    terms: termsOf(reading).slice(0, MAX_TERMS),
    contextTerms: context === '' ? [] : termsOf(readText(context.slice(-MAX_LENGTH))).slice(-MAX_TERMS),
  }
}

export function readMemoryChunk(memories: readonly MemoryTexts[]): MemoryReading[] {
  return memories.map(readMemory)
}

const readChunk = offloaded(import.meta.url, readMemoryChunk, (memories) =>
  memories.reduce((sum, memory) => sum + lengthOf(memory), 0),
)

/** Reads many memories, in worker threads if there is much text. Yields the readings in order, chunk by chunk. */
export async function* readMemories<T>(
  items: readonly T[],
  textsOf: (item: T) => MemoryTexts,
): AsyncGenerator<{ items: T[]; readings: MemoryReading[] }> {
  for (const chunk of chunksByLength(items, (item) => lengthOf(textsOf(item)))) {
    yield { items: chunk, readings: await readChunk(chunk.map(textsOf)) }
  }
}

function lengthOf({ text, context = '' }: MemoryTexts): number {
  return Math.min(text.length, MAX_LENGTH) + Math.min(context.length, MAX_LENGTH)
}

const INNER_NAME = /[\p{Ll},;] (?!I\b)\p{Lu}\p{Ll}+/u

function traitsOf(text: string, { normal, words, language }: Reading): Traits {
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
