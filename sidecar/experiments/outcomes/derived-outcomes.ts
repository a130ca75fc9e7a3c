import { createHash } from 'node:crypto'
import type { Scope } from '../../memory/model/scope.ts'
import { questionKey, saysForgotten } from '../../text/asking/forgotten.ts'
import { groundedIn } from '../grounding/grounded-in.ts'
import type { Outcome } from './outcomes.ts'
import {
  type Injected,
  type RecentConversation,
  RecentExposures,
  type RecentTurn,
} from './recent-exposures.ts'

/** Outcomes that need no wiring, each a value from 0 to 1 per turn. */
export const DERIVED_OUTCOMES = [
  'regenerated',
  'repeated_or_corrected',
  'memory_corrected',
  'grounded_share',
] as const

export type DerivedOutcome = (typeof DERIVED_OUTCOMES)[number]

interface Place {
  scope: Scope
  conversationId: string | undefined
  turn: number | undefined
}

export interface RecalledTurn extends Place {
  query: string
  /** The memories in the context that the recall returned. */
  memories: readonly Injected[]
}

export interface AddedTurn extends Place {
  messages: readonly { role: string; content: string }[]
  /** Whether the store had no turn of this number. */
  isNew: boolean
}

export interface DerivedOutcomesOptions {
  record: (scope: Scope, outcome: Outcome) => Promise<unknown>
  onFailure: (error: unknown) => void
  exposures?: RecentExposures
}

/** Longest text that is compared, in UTF-16 code units, so that a turn costs a bounded time. */
const MAX_ANSWER = 8000
const MAX_MESSAGE = 4000
const MAX_MEMORIES = 50
/** Outcomes that may be queued for the store; further ones are dropped. */
const MAX_WAITING = 5000

/**
 * Derives outcomes from what happens to a turn after its recall under an experiment. Only turns whose recall this process
 * remembers have them. The methods do not throw and do not wait: a lost outcome must not fail a chat.
 */
export class DerivedOutcomes {
  readonly #options: DerivedOutcomesOptions
  readonly #exposures: RecentExposures
  #waiting = 0
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: DerivedOutcomesOptions) {
    this.#options = options
    this.#exposures = options.exposures ?? new RecentExposures()
  }

  /** Notes an answered recall under an experiment. A second recall of an answered turn means that it is regenerated. */
  recalled({ scope, conversationId, turn, query, memories }: RecalledTurn): void {
    if (conversationId === undefined || turn === undefined) return
    const conversation = this.#exposures.open(scope, conversationId)
    const before = conversation.turns.get(turn)
    const clipped = query.slice(0, MAX_MESSAGE)
    const isAgain = before?.answered !== undefined && before.query === clipped
    // The latest recall comes last, so that the oldest turns are dropped.
    conversation.turns.delete(turn)
    conversation.turns.set(turn, {
      query: clipped,
      memoryIds: memories.map(({ id }) => id),
      memories: memories.slice(0, MAX_MEMORIES).map(({ id, text, context }) => ({ id, text, context })),
      answered: isAgain ? before.answered : undefined,
      isCorrected: before?.isCorrected ?? false,
      isRegenerated: isAgain,
    })
    this.#exposures.save(conversation)
    if (isAgain) this.#record(conversation, turn, 'regenerated', 1)
  }

  /** Derives the outcomes of an added turn, after the caller has its answer. */
  added(added: AddedTurn): void {
    const { scope, conversationId, turn } = added
    if (conversationId === undefined || turn === undefined) return
    if (!this.#exposures.get(scope, conversationId)?.turns.has(turn)) return
    if (this.#waiting >= MAX_WAITING) return
    this.#waiting += 1
    setImmediate(() => {
      this.#waiting -= 1
      try {
        const conversation = this.#exposures.get(scope, conversationId)
        const recent = conversation?.turns.get(turn)
        if (conversation && recent) this.#derive(conversation, recent, turn, added)
      } catch (error) {
        this.#options.onFailure(error)
      }
    })
  }

  /** Notes that an author or a user corrected or deleted a memory. Changes by extraction do not count. */
  corrected(scope: Scope, memoryId: string): void {
    for (const conversation of this.#exposures.of(scope)) {
      const latest = [...conversation.turns].findLast(([, { memoryIds }]) => memoryIds.includes(memoryId))
      if (!latest) continue
      const [turn, recent] = latest
      recent.isCorrected = true
      if (recent.answered) this.#record(conversation, turn, 'memory_corrected', 1)
    }
  }

  forget(scope: Scope): void {
    this.#exposures.forget(scope)
  }

  /** Resolves when every outcome derived so far is recorded. */
  async drained(): Promise<void> {
    while (this.#waiting > 0 || this.#running.size > 0) {
      if (this.#waiting > 0) await new Promise((resolve) => void setImmediate(resolve))
      await Promise.all(this.#running)
    }
  }

  #derive(conversation: RecentConversation, recent: RecentTurn, turn: number, added: AddedTurn): void {
    const user = textOf(added, 'user', MAX_MESSAGE)
    const answer = textOf(added, 'assistant', MAX_ANSWER)
    const before = recent.answered
    const answered = { user: digestOf(user), answer: digestOf(answer) }
    recent.answered = answer === '' ? before : answered
    const isSameMessage = before?.user === answered.user
    const isRepeatedRequest = isSameMessage && before.answer === answered.answer && !recent.isRegenerated
    if (isRepeatedRequest) return
    if (isSameMessage) recent.isRegenerated = true
    // An earlier process may have answered this turn; whether the message is the same is unknown.
    if (isSameMessage || added.isNew) {
      this.#record(conversation, turn, 'regenerated', recent.isRegenerated ? 1 : 0)
    }
    if (!isSameMessage) {
      const complains = saysForgotten(user) || isRepeated(conversation, turn, user)
      this.#record(conversation, turn, 'repeated_or_corrected', complains ? 1 : 0)
      this.#record(conversation, turn, 'memory_corrected', recent.isCorrected ? 1 : 0)
    }
    if (answer !== '' && recent.memories.length > 0) {
      const grounded = groundedIn({ answer, question: recent.query }, recent.memories)
      this.#record(conversation, turn, 'grounded_share', grounded.length / recent.memories.length)
    }
    // Another recall of the turn provides the texts again.
    recent.memories = []
    this.#exposures.save(conversation)
  }

  #record(
    { scope, conversationId }: RecentConversation,
    turn: number,
    name: DerivedOutcome,
    value: number,
  ): void {
    if (this.#running.size >= MAX_WAITING) return
    const written = this.#options
      .record(scope, { name, value, conversationId, turn })
      .catch((error) => this.#options.onFailure(error))
      .finally(() => void this.#running.delete(written))
    this.#running.add(written)
  }
}

/** Returns whether an earlier turn has the same question, and records the question of this turn. */
function isRepeated({ questions }: RecentConversation, turn: number, message: string): boolean {
  const key = questionKey(message)
  const at = questions.findIndex((one) => one.turn === turn)
  if (at >= 0) questions.splice(at, 1)
  if (key === undefined) return false
  const digest = digestOf(key)
  const isKnown = questions.some((one) => one.turn < turn && one.key === digest)
  questions.push({ turn, key: digest })
  return isKnown
}

function textOf({ messages }: AddedTurn, role: string, maximum: number): string {
  const texts = messages.filter((one) => one.role === role).map(({ content }) => content)
  return texts.join('\n').slice(0, maximum).trim()
}

/** Digests replace texts of users, so that they are not kept longer than needed. */
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
