import type { PendingTurn } from '../../memory/model/pending.ts'
import { MAX_BATCH_TOKENS } from '../learner/parts.ts'

/** The waiting turns of one scope: those of the store, as far as this process knows them. */
export class WaitingTurns {
  readonly #turns = new Map<string, PendingTurn>()
  readonly #watches = new Set<Set<string>>()
  #tokens = 0
  readonly #onSize: (change: number) => void

  /** @param onSize is told by how many turns they became more */
  constructor(onSize: (change: number) => void = () => {}) {
    this.#onSize = onSize
  }

  /** Takes a turn in, or its newer version. */
  put(turn: PendingTurn): void {
    if (!this.has(turn.turn_id)) this.#onSize(1)
    this.#tokens += turn.tokens - (this.#turns.get(turn.turn_id)?.tokens ?? 0)
    this.#turns.set(turn.turn_id, turn)
    this.#note(turn.turn_id)
  }

  /** Lets a turn go, unless a newer version of it came meanwhile. */
  remove(turn: PendingTurn): void {
    const held = this.#turns.get(turn.turn_id)
    if (held?.revision !== turn.revision) return
    this.#turns.delete(turn.turn_id)
    this.#tokens -= held.tokens
    this.#onSize(-1)
    this.#note(turn.turn_id)
  }

  /** Lets go of all, which is not to say that none of them waits. */
  clear(): void {
    this.#onSize(-this.#turns.size)
    this.#turns.clear()
    this.#tokens = 0
  }

  /**
   * Takes what the store holds for what waits.
   * @param read reads it; what is put or removed here meanwhile stays as it is here, since it may be newer
   */
  async replaceBy(read: () => Promise<readonly PendingTurn[]>): Promise<void> {
    const changed = new Set<string>()
    this.#watches.add(changed)
    try {
      const stored = new Map((await read()).map((turn) => [turn.turn_id, turn]))
      for (const turn of this.all()) {
        if (!changed.has(turn.turn_id) && !stored.has(turn.turn_id)) this.remove(turn)
      }
      for (const turn of stored.values()) if (!changed.has(turn.turn_id)) this.put(turn)
    } finally {
      this.#watches.delete(changed)
    }
  }

  get(turnId: string): PendingTurn | undefined {
    return this.#turns.get(turnId)
  }

  has(turnId: string): boolean {
    return this.#turns.has(turnId)
  }

  holds({ turn_id, revision }: PendingTurn): boolean {
    return this.#turns.get(turn_id)?.revision === revision
  }

  /** Oldest first. */
  list(conversationId?: string): PendingTurn[] {
    return [...this.#turns.values()]
      .filter((turn) => conversationId === undefined || turn.conversation_id === conversationId)
      .sort(byAge)
  }

  /** In no order. */
  all(): readonly PendingTurn[] {
    return [...this.#turns.values()]
  }

  /** Of all of them together. */
  get tokens(): number {
    return this.#tokens
  }

  get size(): number {
    return this.#turns.size
  }

  /**
   * The next batch of the turns that `accept` lets through: the conversation of the oldest, in its order, as far as its
   * turns are alike (agent, run, app, whose words) and up to a batch's tokens. A turn of no conversation, and one that
   * a model did not get along with, goes by itself.
   */
  nextBatch(accept: (turn: PendingTurn) => boolean): PendingTurn[] {
    const open = this.all().filter(accept)
    const first = open.reduce<PendingTurn | undefined>(
      (oldest, turn) => (oldest && byAge(oldest, turn) <= 0 ? oldest : turn),
      undefined,
    )
    if (!first) return []
    if (first.conversation_id === null || first.unreadable > 0) return [first]
    const together = open
      .filter((turn) => turn.conversation_id === first.conversation_id && turn.unreadable === 0)
      .sort((a, b) => (a.turn ?? 0) - (b.turn ?? 0))
    const batch: PendingTurn[] = []
    let tokens = 0
    for (const turn of together) {
      if (batch.length > 0 && (tokens + turn.tokens > MAX_BATCH_TOKENS || turn.alike !== batch[0]?.alike))
        break
      batch.push(turn)
      tokens += turn.tokens
    }
    return batch
  }

  #note(turnId: string): void {
    for (const changed of this.#watches) changed.add(turnId)
  }
}

function byAge(a: PendingTurn, b: PendingTurn): number {
  return a.at - b.at || (a.turn ?? 0) - (b.turn ?? 0)
}
