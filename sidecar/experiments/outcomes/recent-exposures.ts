import { LRUCache } from 'lru-cache'
import type { Memory } from '../../memory/model/memory.ts'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'

/** A memory that was injected into a prompt. */
export type Injected = Pick<Memory, 'id' | 'text' | 'context'>

/** State of a turn, from its recall until it is evicted. */
export interface RecentTurn {
  query: string
  memoryIds: readonly string[]
  /** With their texts; empty once the answer was compared with them. */
  memories: readonly Injected[]
  /** Set once the turn was added. */
  answered: { user: string; answer: string } | undefined
  /** Whether an author or a user corrected or deleted one of the memories. */
  isCorrected: boolean
  isRegenerated: boolean
}

export interface RecentConversation {
  scope: Scope
  conversationId: string
  /** By number, oldest recall first. */
  turns: Map<number, RecentTurn>
  /** Keys of the questions of the user, oldest first, with the turn that asked. */
  questions: { turn: number; key: string }[]
}

export interface RecentExposuresOptions {
  /** Maximum characters of all texts; the conversations that were used least recently are dropped. */
  maxChars?: number
  maxConversations?: number
}

/** Turns kept per conversation; users correct recent turns. */
const MAX_TURNS = 10
const MAX_QUESTIONS = 20

/** The latest turns under an experiment, in memory: after a restart, outcomes of earlier turns are not derived. */
export class RecentExposures {
  readonly #conversations: LRUCache<string, RecentConversation>

  constructor({ maxChars = 32_000_000, maxConversations = 20_000 }: RecentExposuresOptions = {}) {
    // With a fixed share of each conversation, the size bounds their number too.
    const share = Math.ceil(maxChars / maxConversations)
    this.#conversations = new LRUCache({
      maxSize: maxChars,
      sizeCalculation: (conversation) => Math.max(share, sizeOf(conversation)),
    })
  }

  get(scope: Scope, conversationId: string): RecentConversation | undefined {
    return this.#conversations.get(keyOf(scope, conversationId))
  }

  /** Gets or makes a conversation; `save` keeps it. */
  open(scope: Scope, conversationId: string): RecentConversation {
    return this.get(scope, conversationId) ?? { scope, conversationId, turns: new Map(), questions: [] }
  }

  /** Keeps a conversation after a change, and trims it. */
  save(conversation: RecentConversation): void {
    const { scope, conversationId, turns, questions } = conversation
    for (const turn of turns.keys()) {
      if (turns.size <= MAX_TURNS) break
      turns.delete(turn)
    }
    questions.splice(0, questions.length - MAX_QUESTIONS)
    this.#conversations.set(keyOf(scope, conversationId), conversation)
  }

  /** The conversations of a user. */
  of(scope: Scope): RecentConversation[] {
    const key = scopeKey(scope)
    return [...this.#conversations.values()].filter((one) => scopeKey(one.scope) === key)
  }

  forget(scope: Scope): void {
    for (const { conversationId } of this.of(scope)) {
      this.#conversations.delete(keyOf(scope, conversationId))
    }
  }
}

function keyOf(scope: Scope, conversationId: string): string {
  return JSON.stringify([scopeKey(scope), conversationId])
}

function sizeOf({ turns, questions }: RecentConversation): number {
  let chars = 200
  for (const { query, memories, memoryIds } of turns.values()) {
    chars += 200 + query.length
    for (const id of memoryIds) chars += 20 + id.length
    for (const { text, context } of memories) chars += 50 + text.length + (context?.length ?? 0)
  }
  for (const { key } of questions) chars += 20 + key.length
  return chars
}
