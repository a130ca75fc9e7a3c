import { MAX_BATCH_TOKENS } from '../memory/learn/parts.ts'
import type { PendingTurn } from '../memory/pending.ts'

/** The waiting turns of one scope, in the order in which they are to be learned from. */
export class ScopeQueue {
  readonly #turns = new Map<string, PendingTurn>()

  /** Takes a turn in, or its newer version. */
  put(turn: PendingTurn): void {
    this.#turns.set(turn.turn_id, turn)
  }

  /** Lets a turn go, unless a newer version of it came meanwhile. */
  remove({ turn_id, revision }: PendingTurn): void {
    if (this.#turns.get(turn_id)?.revision === revision) this.#turns.delete(turn_id)
  }

  clear(): void {
    this.#turns.clear()
  }

  has(turnId: string): boolean {
    return this.#turns.has(turnId)
  }

  list(conversationId?: string): PendingTurn[] {
    return [...this.#turns.values()].filter(
      (turn) => conversationId === undefined || turn.conversation_id === conversationId,
    )
  }

  get size(): number {
    return this.#turns.size
  }

  /** Tokens of the turns that may still be learned from by themselves. */
  get tokens(): number {
    return this.list().reduce((sum, turn) => sum + (turn.not_before === null ? 0 : turn.tokens), 0)
  }

  /** When the next turn may be tried, epoch milliseconds; `null` when there is none. */
  get dueAt(): number | null {
    const times = this.list().flatMap(({ not_before }) => (not_before === null ? [] : [not_before]))
    return times.length === 0 ? null : Math.min(...times)
  }

  /**
   * The next batch: turns of one conversation, in their order, up to a batch's tokens; a turn of no conversation, and
   * one that a model did not get along with, goes by itself.
   * @param force also turns whose time has not come, or that have failed
   */
  nextBatch(
    now: number,
    options: { force?: boolean; conversationId?: string | undefined } = {},
  ): PendingTurn[] {
    const due = this.list(options.conversationId)
      .filter((turn) => options.force || (turn.not_before !== null && turn.not_before <= now))
      .sort((a, b) => a.at - b.at || (a.turn ?? 0) - (b.turn ?? 0))
    const [first] = due
    if (!first) return []
    if (first.conversation_id === null || first.unreadable > 0) return [first]
    const batch: PendingTurn[] = []
    let tokens = 0
    const together = due
      .filter((turn) => turn.conversation_id === first.conversation_id && turn.unreadable === 0)
      .sort((a, b) => (a.turn ?? 0) - (b.turn ?? 0))
    for (const turn of together) {
      if (batch.length > 0 && tokens + turn.tokens > MAX_BATCH_TOKENS) break
      batch.push(turn)
      tokens += turn.tokens
    }
    return batch
  }
}
