import { readText, termsOf } from '../../text/tokens.ts'
import { chunksByLength, offloaded } from '../../text/worker-pool.ts'
import { speakerKey } from './speakers.ts'
import { type Traits, traitsOf } from './traits.ts'

/** The parts of a memory that the index reads as text. */
export interface MemoryTexts {
  text: string
  speaker: string
  /** Text said just before the memory. */
  context?: string
}

/** What the index derives from the texts of a memory. */
export interface MemoryReading {
  language: string
  /** As `speakerKey` writes it. */
  speaker: string
  traits: Traits
  terms: readonly string[]
  contextTerms: readonly string[]
}

/** Limits per field of one memory: UTF-16 code units read, and terms indexed. */
const MAX_LENGTH = 4_000
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

/** Readings of many memories, computed in worker threads when there is much text; yielded in order, chunk by chunk. */
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
