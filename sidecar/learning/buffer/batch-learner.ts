import type { PendingTurn } from '../../memory/model/pending.ts'
import { parseScopeKey } from '../../memory/model/scope.ts'
import type { LearnOutcome } from '../learner/learner.ts'
import type { TurnEvent } from '../learner/types.ts'
import type { BufferContext } from './context.ts'
import { notePutOff, putOff } from './put-off.ts'
import { isOutage } from './retry.ts'
import type { FlushReason } from './settings.ts'
import type { WaitingTurns } from './waiting-turns.ts'

const CLOSING: LearnOutcome = { status: 'later', reason: 'closing', detail: 'closing' }

/** Extracts memories from batches of one scope. Successful turns leave the buffer; failed turns are rescheduled. */
export class BatchLearner {
  readonly #key: string
  readonly #waiting: WaitingTurns
  readonly #context: BufferContext
  /** Turns of the model call in progress. */
  readonly #processing = new Set<string>()

  constructor(key: string, waiting: WaitingTurns, context: BufferContext) {
    this.#key = key
    this.#waiting = waiting
    this.#context = context
  }

  isProcessing(turnId: string): boolean {
    return this.#processing.has(turnId)
  }

  /**
   * Extracts from a batch. If the model fails on the whole batch, each half is tried, so that one bad turn does not
   * block the others.
   * @returns the reason why turns are still pending, or `null`
   */
  async learn(
    batch: readonly PendingTurn[],
    reason: FlushReason,
    isUrgent: boolean,
    tell: (event: TurnEvent) => void,
  ): Promise<string | null> {
    const { log, slots, closing, onFlush } = this.#context
    const outcome = await slots.add(() => this.#ask(batch, reason), { priority: isUrgent ? 1 : 0 })
    const turns = batch.length
    if (outcome.status === 'learned') {
      for (const turn of batch) this.#waiting.remove(turn)
      for (const event of outcome.events) tell(event)
      log.info('flushed', { reason, turns, events: outcome.events.length })
      onFlush(reason, 'learned', turns)
      return null
    }
    if (closing.aborted) return 'closing'
    if (turns > 1 && !isOutage(outcome.reason)) {
      const middle = Math.ceil(turns / 2)
      const first = await this.learn(batch.slice(0, middle), reason, isUrgent, tell)
      if (first !== null && isOutage(first)) return first
      return (await this.learn(batch.slice(middle), reason, isUrgent, tell)) ?? first
    }
    log.warn('flush put off', { reason, turns, because: outcome.reason, detail: outcome.detail })
    onFlush(reason, outcome.reason, turns)
    await this.#putOff(batch, outcome, reason)
    return outcome.reason
  }

  async #ask(batch: readonly PendingTurn[], because: FlushReason): Promise<LearnOutcome> {
    const { learner, log, closing, givingUp } = this.#context
    // The buffer may have closed while this batch waited for a slot.
    if (closing.aborted) return CLOSING
    const ids = batch.map((turn) => turn.turn_id)
    for (const id of ids) this.#processing.add(id)
    try {
      return await learner.learn(parseScopeKey(this.#key), ids, { signal: givingUp, because })
    } catch (error) {
      if (givingUp.aborted) return CLOSING
      log.error('learning failed', { error: error instanceof Error ? error.stack : String(error) })
      return { status: 'later', reason: 'internal', detail: 'see the log' }
    } finally {
      for (const id of ids) this.#processing.delete(id)
    }
  }

  async #putOff(
    batch: readonly PendingTurn[],
    outcome: Extract<LearnOutcome, { status: 'later' }>,
    because: FlushReason,
  ): Promise<void> {
    const { engine, records, log, now } = this.#context
    const away = this.#waiting.all().filter(({ error }) => error !== null && isOutage(error))
    const inVain = [...batch, ...away].reduce((most, { attempts }) => Math.max(most, attempts), 0) + 1
    const waiting = batch.filter((turn) => this.#waiting.holds(turn))
    const later = waiting.map((turn) => ({ ...putOff(turn, outcome, now(), inVain), because }))
    // Update memory first: if the store fails, the model must not be called again at once.
    for (const turn of later) this.#waiting.put(turn)
    try {
      for (const turn of await notePutOff(engine, records, this.#key, later)) this.#waiting.remove(turn)
    } catch (error) {
      log.warn('flush put off, not noted', { error: String(error) })
    }
  }
}
