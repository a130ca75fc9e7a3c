import type { Account, LanguageModel } from '../../ports/language-model.ts'
import type { Fact } from '../extraction/types.ts'

/** A fact of the batch. Facts are passed in the order in which they were said. */
export interface NewFact extends Pick<Fact, 'text' | 'topic' | 'subTopic' | 'speaker' | 'eventDate'> {
  /** When it was said, epoch milliseconds. */
  at: number
  /** L2-normalised embedding of `text`, by the same embedder as those of the memories. */
  dense: Float32Array
}

/** A valid memory that a fact may change or repeat. */
export interface KnownMemory {
  id: string
  text: string
  speaker: string
  topic: string | null
  subTopic: string | null
  /** When it was last said, epoch milliseconds. An older fact does not overrule it. */
  at: number
  dense: Float32Array
}

export type DecidedBy = 'rule' | 'model'

interface Decided {
  /** Index into the facts. */
  fact: number
  reason: string
  decidedBy: DecidedBy
}

/** `text`: set when the model merged the fact with an earlier one of the batch; otherwise the text of the fact is used. */
export type Add = Decided & { event: 'ADD'; text?: string }

/** `text` supersedes the target. */
export type Update = Decided & { event: 'UPDATE'; target: string; text: string }

/** The target is no longer true, and the fact adds nothing (or is stored by another decision). */
export type Delete = Decided & { event: 'DELETE'; target: string }

export type Noop = Decided & {
  event: 'NOOP'
  /** The memory that already states the fact; `null` when it is new in this batch or does not exist. */
  target: string | null
  /** The fact of this batch that states the same and represents both: their sources are merged. */
  sameAs?: number
  /**
   * The later fact of this batch that replaced this one, which was true until `facts[supersededBy].at`. A store with
   * versions may write it as an ended one.
   */
  supersededBy?: number
}

export type Decision = Add | Update | Delete | Noop

export interface ReconcileOptions {
  /**
   * Returns at most `limit` valid memories that are most similar to a fact, best first: of the same speaker, by
   * similarity and by topic. Others are ignored.
   */
  neighboursOf(fact: NewFact, limit: number): Promise<readonly KnownMemory[]> | readonly KnownMemory[]
  model: LanguageModel
  account: Account
  signal?: AbortSignal | undefined
}

/**
 * Two answers of the model contained no decision. Nothing is stored and the turns stay pending, because adding all facts
 * undecided would give other memories than a working model.
 */
export class UnreadableDecisions extends Error {
  override readonly name = 'UnreadableDecisions'

  constructor(problem: string) {
    super(`answer: expected decisions, got none in two answers (${problem}). The turns stay pending.`)
  }
}
