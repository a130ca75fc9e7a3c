import type { Memory } from '../../memory/model/memory.ts'
import type { LocalTime } from '../../text/local-time.ts'
import type { ExtractOptions } from '../extraction/extract.ts'
import type { Fact } from '../extraction/types.ts'

/** A fact of the batch. Facts are passed in the order in which they were said. */
export interface NewFact
  extends Pick<Fact, 'text' | 'topic' | 'subTopic' | 'speaker' | 'eventDate'>,
    // When it was said.
    LocalTime {
  /** L2-normalised embedding of `text`, by the same embedder as those of the memories. */
  dense: Float32Array
}

/** A valid memory that a fact may change or repeat. */
export interface KnownMemory
  extends Pick<Memory, 'id' | 'text' | 'speaker' | 'topic'>,
    // When it was last said. An older fact does not overrule it.
    LocalTime {
  subTopic: string | null
  dense: Float32Array
}

export interface Change {
  /** Index into the facts. */
  fact: number
  reason: string
  decidedBy: 'rule' | 'model'
}

/** `text`: set when the model merged the fact with an earlier one of the batch; default: the text of the fact. */
export type Add = Change & { event: 'ADD'; text?: string }

/** `text` supersedes the target. */
export type Update = Change & { event: 'UPDATE'; target: string; text: string }

/** The target is no longer true, and the fact adds nothing (or is stored by another decision). */
export type Delete = Change & { event: 'DELETE'; target: string }

export type Noop = Change & {
  event: 'NOOP'
  /** The memory that already states the fact; `null` when it is new in this batch or does not exist. */
  target: string | null
  /** The fact of this batch that states the same and represents both: their sources are merged. */
  sameAs?: number
  /** The later fact of this batch that replaced this one, which was true until `facts[supersededBy].at`. */
  supersededBy?: number
}

export type Decision = Add | Update | Delete | Noop

export interface ReconcileOptions extends ExtractOptions {
  /** Finds the valid memories of the same speaker that are most similar to a fact in text or topic, best first. */
  neighboursOf(fact: NewFact, limit: number): Promise<readonly KnownMemory[]> | readonly KnownMemory[]
}

/** Two answers contained no decision. Adding all facts undecided would give other memories than a working model. */
export class UnreadableDecisions extends Error {
  override readonly name = 'UnreadableDecisions'

  constructor(problem: string) {
    super(`answer: expected decisions, got none in two answers (${problem}). The turns stay pending.`)
  }
}
