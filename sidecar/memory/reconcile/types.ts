import type { Account, LanguageModel } from '../../ports/language-model.ts'
import type { Rules } from './rules.ts'

/** A fact of the batch. Facts are given in the order in which they were said. */
export interface NewFact {
  text: string
  topic: string
  subTopic: string
  speaker: string
  importance: number
  /** When what it tells of happened, where it says so: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
  eventDate: string | null
  /** When it was said, epoch milliseconds. */
  at: number
  /** L2-normalised embedding of `text`, of the same embedder as those of the neighbours. */
  dense: Float32Array
}

/** A valid memory that a fact may be about. */
export interface Known {
  id: string
  text: string
  speaker: string
  topic: string | null
  subTopic: string | null
  /** When it was last said, epoch milliseconds. A fact said before that does not overrule it. */
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

/** `text`: what the memory says, where the model joined the fact with an earlier one of the batch; else the fact's own. */
export type Add = Decided & { event: 'ADD'; text?: string; replaces?: never }

/** The target is superseded by `text`. */
export type Update = Decided & { event: 'UPDATE'; target: string; text: string }

/** The fact says that the target no longer holds, and adds nothing of its own (or stands in another decision). */
export type Delete = Decided & { event: 'DELETE'; target: string }

export type Noop = Decided & {
  event: 'NOOP'
  /** The memory that says it already; `null` when that memory comes from this batch, or is none. */
  target: string | null
  /** The fact of this batch that says the same and stands for both: their sources belong together. */
  sameAs?: number
  /**
   * The later fact of this batch that took this one's place. It was true until `facts[overtakenBy].at` and is not
   * true now; who keeps versions may write it as one that has ended.
   */
  overtakenBy?: number
}

export type Decision = Add | Update | Delete | Noop

export interface Rejection {
  /** Numbers and words of the request only, never a text. */
  what: string
  why: string
}

export interface Reconciliation {
  /** In the order of the facts, one at least for each. No memory is changed (UPDATE, DELETE) by two of them. */
  decisions: Decision[]
  /** Calls of the model: 0, 1, or 2 with the corrective one. */
  asked: number
  /** What the model said and was not done, or not as it said. */
  rejected: Rejection[]
}

export interface ReconcileOptions {
  /**
   * The valid memories most like a fact, best first, `limit` at the most: of the same speaker, by similarity and by
   * topic slot. Any others are passed over.
   */
  neighboursOf(fact: NewFact, limit: number): Promise<readonly Known[]> | readonly Known[]
  model: LanguageModel
  account: Account
  signal?: AbortSignal | undefined
  rules?: Partial<Rules> | undefined
}

/**
 * Twice the model gave nothing that could be read as a decision. Nothing has been decided: the turns stay pending and
 * say why, because storing the facts undecided would leave other memories behind than a working model would have.
 */
export class UnreadableDecisions extends Error {
  override readonly name = 'UnreadableDecisions'
  readonly asked: number
  /** Why each thing that the model said was no use. */
  readonly rejected: readonly Rejection[]

  constructor(asked: number, rejected: readonly Rejection[]) {
    const last = rejected.at(-1)
    super(
      `Expected decisions from the model, got none in ${asked} answers${last ? `: ${last.what}: ${last.why}` : ''}`,
    )
    this.asked = asked
    this.rejected = rejected
  }
}
