import { daysOf } from '../../text/dates.ts'
import { DenseMatrix } from './dense.ts'
import { Postings } from './postings.ts'
import { MAX_LENGTH, type MemoryReading, type Traits } from './reading.ts'
import { buildTimeline, type Moment, type Timeline } from './timeline.ts'
import { Vocabulary } from './vocabulary.ts'

export interface IndexedMemory extends Moment {
  text: string
  speaker: string
  role: string
  /** Text said just before it, such as the question that it answers; not part of the memory. */
  context?: string
  /** Local time of the statement, wall clock in epoch milliseconds; default: `at`. */
  localAt?: number
  /** Date of the event, `YYYY-MM-DD` or shorter. */
  eventDate?: string | null
  /** L2-normalised embedding; the same length for every memory of a scope. */
  dense: Float32Array
}

/** The fields of a memory that ranking needs. */
export interface Entry extends Moment {
  /** Result of `speakerKey`. */
  speaker: string
  role: string
  language: string
  hasContext: boolean
  traits: Traits
  /** As in `IndexedMemory`. */
  localAt: number
  /** Starts of the days that the memory belongs to; computed at the first query that names a day. */
  days: () => readonly number[]
}

/** Index structures over the memories of one scope, addressed by slot. Slots are reused after a removal. */
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

  /** Computed at the first query after a change. */
  get timeline(): Timeline {
    this.#timeline ??= buildTimeline(this.#entries)
    return this.#timeline
  }

  entry(slot: number): Entry {
    return this.#entries[slot] as Entry
  }

  find(id: string): Entry | undefined {
    const slot = this.#slotOf.get(id)
    return slot === undefined ? undefined : this.#entries[slot]
  }

  isEmbeddedAs(id: string, dense: Float32Array): boolean {
    const slot = this.#slotOf.get(id)
    return slot !== undefined && this.dense.equals(slot, dense)
  }

  entryAt(place: number): Entry {
    return this.entry(this.timeline.slots[place] as number)
  }

  hasContext(place: number): boolean {
    return this.entryAt(place).hasContext
  }

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
      localAt: memory.localAt ?? memory.at,
      days: once(() =>
        daysOf(memory.text.slice(0, MAX_LENGTH), memory.localAt ?? memory.at, memory.eventDate),
      ),
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

function once<T>(compute: () => T): () => T {
  let value: T | undefined
  return () => {
    value ??= compute()
    return value
  }
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const n = (counts.get(key) ?? 0) + by
  if (n > 0) counts.set(key, n)
  else counts.delete(key)
}
