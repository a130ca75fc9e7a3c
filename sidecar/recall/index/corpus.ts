import { DenseMatrix } from './dense.ts'
import { Postings } from './postings.ts'
import type { MemoryReading } from './reading.ts'
import { buildTimeline, type Timeline } from './timeline.ts'
import type { Traits } from './traits.ts'
import { Vocabulary } from './vocabulary.ts'

export interface IndexedMemory {
  id: string
  text: string
  speaker: string
  role: string
  conversationId: string | null
  turn: number | null
  /** Position within the turn. */
  ordinal: number
  /** When it was said, epoch ms. */
  at: number
  /** Raw text said just before it, such as the question it answers; not part of the memory. */
  context?: string
  /** L2-normalised embedding; the same length for every memory of a scope. */
  dense: Float32Array
}

/** What the index keeps of a memory for ranking; the text itself is not kept. */
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

/** The memories of one scope in the forms that the signals read. Slots are reused after a removal. */
export class Corpus {
  readonly vocabulary = new Vocabulary()
  readonly own = new Postings(this.vocabulary)
  readonly context = new Postings()
  readonly dense = new DenseMatrix()
  /** Number of memories by language. */
  readonly languages = new Map<string, number>()
  /** Number of memories by speaker key. */
  readonly speakers = new Map<string, number>()
  readonly #slotOf = new Map<string, number>()
  readonly #entries: (Entry | undefined)[] = []
  readonly #free: number[] = []
  #timeline: Timeline | undefined

  get size(): number {
    return this.#slotOf.size
  }

  /** The memories in order of time, computed at the first query after a change. */
  get timeline(): Timeline {
    this.#timeline ??= buildTimeline(this.#entries)
    return this.#timeline
  }

  entry(slot: number): Entry {
    return this.#entries[slot] as Entry
  }

  /** Returns `undefined` for an unknown memory. */
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

  /** @param reading of the texts of this memory */
  set(memory: IndexedMemory, { language, speaker, traits, terms, contextTerms }: MemoryReading): void {
    this.dense.check(memory.dense)
    this.delete(memory.id)
    const slot = this.#free.pop() ?? this.#entries.length
    const entry: Entry = {
      id: memory.id,
      speaker,
      role: memory.role,
      conversationId: memory.conversationId,
      turn: memory.turn,
      ordinal: memory.ordinal,
      at: memory.at,
      language,
      hasContext: contextTerms.length > 0,
      traits,
    }
    this.#entries[slot] = entry
    this.#slotOf.set(memory.id, slot)
    this.dense.set(slot, memory.dense)
    this.own.add(slot, terms)
    if (entry.hasContext) this.context.add(slot, contextTerms)
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

  /** Approximate size in bytes: the vectors, plus about 50 per indexed term and 400 per memory. */
  get bytes(): number {
    return this.dense.bytes + 50 * (this.own.totalLength + this.context.totalLength) + 400 * this.size
  }
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const n = (counts.get(key) ?? 0) + by
  if (n > 0) counts.set(key, n)
  else counts.delete(key)
}
