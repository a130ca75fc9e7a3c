import type { Memory } from '../../memory/model/memory.ts'
import { splitSentences } from '../../text/sentences.ts'
import type { Language } from '../../text/terms/language.ts'
import { searchedText } from '../../text/verbatim/answers.ts'
import { type ContentWord, contentWordsOf, memoryWordsOf } from './words.ts'

export type GroundingMemory = Pick<Memory, 'id' | 'text' | 'context'>

export interface AnsweredQuestion {
  answer: string
  /** The user message. Words that the answer repeats from it are no evidence. */
  question: string
}

/** A memory that an answer drew on. */
export interface Grounded {
  id: string
  /** The words of the answer that are the evidence, in lower case. */
  words: string[]
}

interface Indexed {
  terms: ReadonlySet<number>
  language: Language
}

/** A word of the answer with the memories that contain it. */
interface Evidence extends ContentWord {
  /** From 0 (in every memory) to 1 (in one memory, or in none). */
  weight: number
  memories: ReadonlySet<string>
}

/** A bigram overlaps with its neighbours and with the dictionary word around it. */
const GRAM_WEIGHT = 0.5
/**
 * Weight that a memory must explain of a sentence, per square root of the weight of its new words: chance matches grow
 * like the square root of the length. Chosen on half of the labelled conversations; see docs/replay.md.
 */
const REQUIRED = 0.75
/** A sentence whose new words weigh less ("Well done.") counts with its neighbour. */
const SHORT_SENTENCE = 2
/** A memory that explains nearly as much as the best one is as likely to be the source. */
const EQUALLY_GOOD = 0.8
/** Words of less weight are ignored: they are in too many memories to be evidence. */
const MIN_WEIGHT = 0.04
/** Limits of the evaluated part of an answer; the length is in UTF-16 code units. */
const MAX_SENTENCES = 100
const MAX_LENGTH = 20_000

/** Index of the words of a scope's memories. Decides which memories an answer drew on, without a model and without I/O. */
export class GroundingIndex {
  readonly #memories = new Map<string, Indexed>()
  readonly #postings = new Map<number, Set<string>>()
  readonly #languages = new Map<Language, number>()
  readonly #assumedSize: number

  /**
   * @param assumedSize number of memories that the rarity of words assumes if fewer are given, because a word is not common
   * if it is in two memories out of three
   */
  constructor(assumedSize = 0) {
    this.#assumedSize = assumedSize
  }

  /** Adds a memory, or replaces the one of the same id. */
  add(memory: GroundingMemory): void {
    this.remove(memory.id)
    const indexed = memoryWordsOf(searchedText(memory))
    this.#memories.set(memory.id, indexed)
    this.#languages.set(indexed.language, (this.#languages.get(indexed.language) ?? 0) + 1)
    for (const term of indexed.terms) {
      const posting = this.#postings.get(term)
      if (posting) posting.add(memory.id)
      else this.#postings.set(term, new Set([memory.id]))
    }
  }

  remove(id: string): void {
    const indexed = this.#memories.get(id)
    if (!indexed) return
    this.#memories.delete(id)
    const left = (this.#languages.get(indexed.language) ?? 0) - 1
    if (left > 0) this.#languages.set(indexed.language, left)
    else this.#languages.delete(indexed.language)
    for (const term of indexed.terms) {
      const posting = this.#postings.get(term)
      posting?.delete(id)
      if (posting?.size === 0) this.#postings.delete(term)
    }
  }

  /**
   * The memories that an answer demonstrably drew on: a sentence of it repeats words of the memory that are rare among
   * the memories and that the question does not contain.
   */
  groundedIn({ answer, question }: AnsweredQuestion): Grounded[] {
    if (this.#memories.size === 0) return []
    const languages = [...this.#languages.keys()]
    const asked = new Set(contentWordsOf(question, languages).flatMap(({ forms }) => forms))
    const proofs = new Map<string, Set<string>>()
    const isNew = ({ forms }: ContentWord) => !forms.some((form) => asked.has(form))
    const sentences = splitSentences(answer.slice(0, MAX_LENGTH))
      .slice(0, MAX_SENTENCES)
      .map((sentence) => contentWordsOf(sentence, languages).filter(isNew))
      .map((words) => words.map((word) => this.#weigh(word)))
    for (const words of joinShort(sentences)) {
      for (const [id, word] of explain(words)) {
        proofs.set(id, (proofs.get(id) ?? new Set()).add(word))
      }
    }
    return [...proofs].map(([id, words]) => ({ id, words: [...words] }))
  }

  #weigh(word: ContentWord): Evidence {
    const postings = word.forms.flatMap((form) => this.#postings.get(form) ?? [])
    const frequency = Math.max(0, ...postings.map(({ size }) => size))
    const total = Math.max(this.#memories.size, this.#assumedSize) + 1
    const rarity = frequency === 0 ? 1 : Math.log(total / frequency) / Math.log(total)
    const weight = rarity ** 3 * (word.isGram ? GRAM_WEIGHT : 1)
    if (weight < MIN_WEIGHT) return { ...word, weight, memories: new Set() }
    const [first = new Set<string>(), ...others] = postings
    return { ...word, weight, memories: others.reduce((all, one) => all.union(one), first) }
  }
}

function joinShort(sentences: readonly (readonly Evidence[])[]): Evidence[][] {
  const joined: Evidence[][] = []
  for (const words of sentences) {
    const last = joined.at(-1)
    if (!last || (weightOf(last) >= SHORT_SENTENCE && weightOf(words) >= SHORT_SENTENCE)) {
      joined.push([...words])
    } else {
      const known = new Set(last.map(({ word }) => word))
      last.push(...words.filter(({ word }) => !known.has(word)))
    }
  }
  return joined
}

function weightOf(words: readonly Evidence[]): number {
  return words.reduce((sum, { weight }) => sum + weight, 0)
}

/**
 * Greedy set cover: the memory that explains most of a sentence is a source, then the one that explains most of the rest,
 * as long as it exceeds the chance level. Yields each source with each word that it explains.
 */
function* explain(words: readonly Evidence[]): Generator<[id: string, word: string]> {
  const required = REQUIRED * Math.sqrt(weightOf(words))
  let open = words.filter(({ memories }) => memories.size > 0)
  while (open.length > 0) {
    const gains = new Map<string, number>()
    for (const { weight, memories } of open) {
      for (const id of memories) gains.set(id, (gains.get(id) ?? 0) + weight)
    }
    const best = [...gains.values()].reduce((most, gain) => Math.max(most, gain), 0)
    if (best < required) return
    const sources = new Set(
      [...gains].filter(([, gain]) => gain >= EQUALLY_GOOD * best && gain >= required).map(([id]) => id),
    )
    for (const { word, memories } of open) {
      for (const id of memories) if (sources.has(id)) yield [id, word]
    }
    open = open.filter(({ memories }) => memories.isDisjointFrom(sources))
  }
}
