import { readMemory, termsOfMemory } from '../../text/tokens.ts'
import { DenseMatrix } from './dense.ts'
import { Postings } from './postings.ts'
import { speakerKey } from './speakers.ts'
import { buildTimeline, type Timeline } from './timeline.ts'
import { type Traits, traitsOf } from './traits.ts'
import { Vocabulary } from './vocabulary.ts'

export interface IndexedMemory {
  id: string
  text: string
  speaker: string
  role: string
  conversationId: string | null
  turn: number | null
  /** Place within the turn. */
  ordinal: number
  /** When it was said, epoch ms. */
  at: number
  /** Raw text said just before it (the question it answers, say); not part of the memory. */
  context?: string
  /** L2-normalised embedding; the same length for every memory of a scope. */
  dense: Float32Array
}

/** What the index keeps of a memory: no text, only what ranking reads. */
export interface Entry {
  id: string
  /** As `speakerKey` writes it. */
  speaker: string
  role: string
  conversationId: string | null
  turn: number | null
  ordinal: number
  at: number
  language: string
  hasContext: boolean
  traits: Traits
}

/** Greatest number of terms indexed of one field of one memory, and of UTF-16 code units read for them. */
const MAX_TERMS = 500
const MAX_LENGTH = 4_000

/** The memories of one scope in the forms that the signals read. Slots are reused after a removal. */
export class Corpus {
  readonly vocabulary = new Vocabulary()
  readonly own = new Postings(this.vocabulary)
  readonly context = new Postings()
  readonly dense = new DenseMatrix()
  /** Languages of the memories, with the number of memories of each. */
  readonly languages = new Map<string, number>()
  /** Speakers, likewise. */
  readonly speakers = new Map<string, number>()
  readonly #slotOf = new Map<string, number>()
  readonly #entries: (Entry | undefined)[] = []
  readonly #free: number[] = []
  #timeline: Timeline | undefined

  get size(): number {
    return this.#slotOf.size
  }

  /** The order in time, worked out at the first question after a change. */
  get timeline(): Timeline {
    this.#timeline ??= buildTimeline(this.#entries)
    return this.#timeline
  }

  entry(slot: number): Entry {
    return this.#entries[slot] as Entry
  }

  /** `undefined` for a memory that is not there. */
  find(id: string): Entry | undefined {
    const slot = this.#slotOf.get(id)
    return slot === undefined ? undefined : this.#entries[slot]
  }

  isEmbeddedAs(id: string, dense: Float32Array): boolean {
    const slot = this.#slotOf.get(id)
    return slot !== undefined && this.dense.holds(slot, dense)
  }

  entryAt(place: number): Entry {
    return this.entry(this.timeline.slots[place] as number)
  }

  hasContext(place: number): boolean {
    return this.entryAt(place).hasContext
  }

  set(memory: IndexedMemory): void {
    this.dense.check(memory.dense)
    this.delete(memory.id)
    const slot = this.#free.pop() ?? this.#entries.length
    const text = memory.text.slice(0, MAX_LENGTH)
    const reading = readMemory(text)
    const context = memory.context ? termsOfMemory(memory.context.slice(-MAX_LENGTH)).slice(-MAX_TERMS) : []
    const entry: Entry = {
      id: memory.id,
      speaker: speakerKey(memory.speaker),
      role: memory.role,
      conversationId: memory.conversationId,
      turn: memory.turn,
      ordinal: memory.ordinal,
      at: memory.at,
      language: reading.language,
      hasContext: context.length > 0,
      traits: traitsOf(text, reading),
    }
    this.#entries[slot] = entry
    this.#slotOf.set(memory.id, slot)
    this.dense.set(slot, memory.dense)
    this.own.add(slot, termsOfMemory(text).slice(0, MAX_TERMS))
    if (entry.hasContext) this.context.add(slot, context)
    count(this.languages, entry.language, 1)
    count(this.speakers, entry.speaker, 1)
    this.#timeline = undefined
  }

  delete(id: string): void {
    const slot = this.#slotOf.get(id)
    if (slot === undefined) return
    const { language, speaker } = this.entry(slot)
    this.own.remove(slot)
    this.context.remove(slot)
    count(this.languages, language, -1)
    count(this.speakers, speaker, -1)
    this.#entries[slot] = undefined
    this.#slotOf.delete(id)
    this.#free.push(slot)
    this.#timeline = undefined
  }

  /** A rough size in bytes: the vectors, some 50 per indexed term and 400 per memory. */
  get bytes(): number {
    return this.dense.bytes + 50 * (this.own.totalLength + this.context.totalLength) + 400 * this.size
  }
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const n = (counts.get(key) ?? 0) + by
  if (n > 0) counts.set(key, n)
  else counts.delete(key)
}
