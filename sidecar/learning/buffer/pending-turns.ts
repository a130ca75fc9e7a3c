import type { PendingTurn } from '../../memory/model/pending.ts'
import { MAX_BATCH_TOKENS } from '../learner/parts.ts'

/** The pending turns of one scope, as far as this process knows them. */
export class PendingTurns {
  readonly #turns = new Map<string, PendingTurn>()
  /** Ids of turns that changed here since `replaceBy` started its read. */
  #changed = new Set<string>()

  put(turn: PendingTurn): void {
    this.#turns.set(turn.turn_id, turn)
    this.#changed.add(turn.turn_id)
  }

  /** Removes a turn unless a newer revision of it is pending. */
  remove(turn: PendingTurn): void {
    if (!this.hasRevision(turn)) return
    this.#turns.delete(turn.turn_id)
    this.#changed.add(turn.turn_id)
  }

  clear(): void {
    this.#turns.clear()
  }

  /** Replaces the turns by the stored ones, except those that change during the read. Calls must not overlap. */
  async replaceBy(read: () => Promise<readonly PendingTurn[]>): Promise<void> {
    this.#changed = new Set()
    const stored = new Map((await read()).map((turn) => [turn.turn_id, turn]))
    for (const id of [...this.#turns.keys(), ...stored.keys()]) {
      if (this.#changed.has(id)) continue
      const turn = stored.get(id)
      if (turn) this.#turns.set(id, turn)
      else this.#turns.delete(id)
    }
  }

  get(turnId: string): PendingTurn | undefined {
    return this.#turns.get(turnId)
  }

  hasRevision({ turn_id, revision }: PendingTurn): boolean {
    return this.#turns.get(turn_id)?.revision === revision
  }

  get size(): number {
    return this.#turns.size
  }

  all(): PendingTurn[] {
    return [...this.#turns.values()]
  }

  /** Those of one conversation, or all. */
  of(conversationId: string | undefined): PendingTurn[] {
    const all = this.all()
    return conversationId === undefined ? all : all.filter((turn) => turn.conversation_id === conversationId)
  }

  /** Oldest first. */
  list(conversationId?: string): PendingTurn[] {
    return this.of(conversationId).sort(byAge)
  }

  /**
   * The next batch of the accepted turns: those of the conversation of the oldest turn, in order, that have its batch
   * key, up to `MAX_BATCH_TOKENS`. A turn without a conversation, or with an unreadable answer, is a batch of its own.
   */
  nextBatch(accept: (turn: PendingTurn) => boolean): PendingTurn[] {
    const accepted = this.all().filter(accept).sort(byAge)
    const [first] = accepted
    if (!first) return []
    if (first.conversation_id === null || first.unreadable > 0) return [first]
    const batch: PendingTurn[] = []
    let tokens = 0
    const candidates = accepted
      .filter((turn) => turn.conversation_id === first.conversation_id && turn.unreadable === 0)
      .sort((a, b) => (a.turn ?? 0) - (b.turn ?? 0))
    for (const turn of candidates) {
      const isFull = tokens + turn.tokens > MAX_BATCH_TOKENS || turn.alike !== batch[0]?.alike
      if (batch.length > 0 && isFull) break
      batch.push(turn)
      tokens += turn.tokens
    }
    return batch
  }
}

function byAge(a: PendingTurn, b: PendingTurn): number {
  return a.at - b.at || (a.turn ?? 0) - (b.turn ?? 0)
}
