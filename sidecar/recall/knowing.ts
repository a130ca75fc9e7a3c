import { type Knowledge, knowledgeOf } from '../window/knowledge.ts'
import type { Snapshot } from './snapshot.ts'

/** Conversations whose knowledge is held for one state of a scope. */
const MAX_HELD = 16

/** Tells what a snapshot knows of a conversation, once for each of its states. */
export class Knowing {
  readonly #held = new WeakMap<object, Map<string, Knowledge>>()

  /** @param at epoch milliseconds at which the snapshot was asked for */
  of({ state, memories }: Snapshot, conversationId: string, at: number): Knowledge {
    const held = this.#held.get(state) ?? new Map<string, Knowledge>()
    this.#held.set(state, held)
    const known = held.get(conversationId) ?? knowledgeOf(memories.values(), conversationId, at)
    held.set(conversationId, known)
    const [oldest] = held.keys()
    if (held.size > MAX_HELD && oldest !== undefined) held.delete(oldest)
    return { ...known, at }
  }
}
