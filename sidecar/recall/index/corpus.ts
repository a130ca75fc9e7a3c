import { normalise } from '../../text/normalise.ts'
import { segment } from '../../text/segment.ts'
import { analyse } from '../../text/tokens.ts'
import { DenseMatrix } from './dense.ts'
import { Postings } from './postings.ts'
import { buildTimeline, type Timeline } from './timeline.ts'

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
  speaker: string
  role: string
  conversationId: string | null
  turn: number | null
  ordinal: number
  at: number
  language: string
  hasContext: boolean
}

/** Greatest number of terms indexed of one field of one memory, which bounds its share of memory. */
const MAX_TERMS = 400

/** The memories of one scope in the forms that the signals read. Slots are reused after a removal. */
export class Corpus {
  readonly own = new Postings()
  readonly context = new Postings()
  readonly dense = new DenseMatrix()
  readonly languages = new Map<string, number>()
  /** Speaker names, as `speakerKey` writes them, with the number of memories of each. */
  readonly speakers = new Map<string, number>()
  readonly #slotOf = new Map<string, number>()
  readonly #entries: (Entry | undefined)[] = []
  readonly #free: number[] = []
  #timeline: Timeline | undefined

  get size(): number {
    return this.#slotOf.size
  }

  entry(slot: number): Entry {
    return this.#entries[slot] as Entry
  }

  set(memory: IndexedMemory): void {
    this.delete(memory.id)
    const slot = this.#free.pop() ?? this.#entries.length
    this.dense.set(slot, memory.dense)
    const { language, terms } = analyse(memory.text)
    const context = memory.context ? analyse(memory.context).terms.slice(0, MAX_TERMS) : []
    const speaker = speakerKey(memory.speaker)
    this.#entries[slot] = {
      id: memory.id,
      speaker,
      role: memory.role,
      conversationId: memory.conversationId,
      turn: memory.turn,
      ordinal: memory.ordinal,
      at: memory.at,
      language,
      hasContext: context.length > 0,
    }
    this.own.add(slot, terms.slice(0, MAX_TERMS))
    if (context.length > 0) this.context.add(slot, context)
    count(this.languages, language, 1)
    count(this.speakers, speaker, 1)
    this.#slotOf.set(memory.id, slot)
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

  /** The order in time, worked out at the first question after a change. */
  get timeline(): Timeline {
    this.#timeline ??= buildTimeline(this.#entries)
    return this.#timeline
  }

  /** A rough size in bytes: the vectors, some 24 bytes per posting and 300 per memory. */
  get bytes(): number {
    return this.dense.bytes + 24 * (this.own.totalLength + this.context.totalLength) + 300 * this.size
  }
}

/** One spelling of a speaker's name: its words in lower case. */
export function speakerKey(name: string): string {
  return segment(normalise(name))
    .flatMap((word) => (word.kind === 'gram' ? [] : [word.text]))
    .join(' ')
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const n = (counts.get(key) ?? 0) + by
  if (n > 0) counts.set(key, n)
  else counts.delete(key)
}
