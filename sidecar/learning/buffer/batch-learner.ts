import type { PendingTurn } from '../../memory/model/pending.ts'
import { parseScopeKey } from '../../memory/model/scope.ts'
import type { LearnFailure, LearnOutcome } from '../learner/outcome.ts'
import type { TurnEvent } from '../learner/types.ts'
import type { BufferContext } from './context.ts'
import type { PendingTurns } from './pending-turns.ts'
import { isOutage, recordFailure, reschedule } from './retry.ts'
import type { FlushRequest } from './schedule.ts'

const CLOSING: LearnFailure = { status: 'later', reason: 'closing', detail: 'closing' }

/** Extracts memories from batches of one scope. Successful turns leave the buffer; failed turns are rescheduled. */
export class BatchLearner {
  readonly #key: string
  readonly #pending: PendingTurns
  readonly #context: BufferContext
  /** Turns of the model call in progress. */
  readonly processing = new Set<string>()

  constructor(key: string, pending: PendingTurns, context: BufferContext) {
    this.#key = key
    this.#pending = pending
    this.#context = context
  }

  /**
   * Extracts from a batch, or from each half where the model fails on the whole, so that one bad turn blocks no other.
   * Adds to `events`. Returns the reason why turns are still pending, or `null`.
   */
  async learn(
    batch: readonly PendingTurn[],
    request: Pick<FlushRequest, 'trigger' | 'priority'>,
    events: TurnEvent[],
  ): Promise<string | null> {
    const { log, batches, closing, onFlush } = this.#context
    const { trigger, priority } = request
    const outcome = await batches.add(() => this.#callLearner(batch, trigger), { priority })
    const turns = batch.length
    if (outcome.status === 'learned') {
      for (const turn of batch) this.#pending.remove(turn)
      events.push(...outcome.events)
      log.info('flushed', { reason: trigger, turns, events: outcome.events.length })
      onFlush(trigger, 'learned', turns)
      return null
    }
    if (closing.aborted) return 'closing'
    if (turns > 1 && !isOutage(outcome.reason)) {
      const middle = Math.ceil(turns / 2)
      const first = await this.learn(batch.slice(0, middle), request, events)
      if (first !== null && isOutage(first)) return first
      return (await this.learn(batch.slice(middle), request, events)) ?? first
    }
    const { reason, detail } = outcome
    log.warn('flush failed, retrying', { reason: trigger, turns, error: reason, detail })
    onFlush(trigger, reason, turns)
    await this.#reschedule(batch, outcome, trigger)
    return reason
  }

  async #callLearner(batch: readonly PendingTurn[], trigger: string): Promise<LearnOutcome> {
    const { learner, log, closing, cancelled } = this.#context
    // The buffer may have closed while this batch was queued.
    if (closing.aborted) return CLOSING
    const ids = batch.map((turn) => turn.turn_id)
    for (const id of ids) this.processing.add(id)
    try {
      return await learner.learn(parseScopeKey(this.#key), ids, { signal: cancelled, trigger })
    } catch (error) {
      if (cancelled.aborted) return CLOSING
      log.error('learning failed', { error: error instanceof Error ? error.stack : String(error) })
      return { status: 'later', reason: 'internal', detail: 'see the log' }
    } finally {
      for (const id of ids) this.processing.delete(id)
    }
  }

  async #reschedule(batch: readonly PendingTurn[], failure: LearnFailure, trigger: string): Promise<void> {
    const { engine, records, log, now } = this.#context
    const delayed = this.#pending.all().filter(({ error }) => error !== null && isOutage(error))
    const failures = [...batch, ...delayed].reduce((most, { attempts }) => Math.max(most, attempts), 0) + 1
    const rescheduled = batch
      .filter((turn) => this.#pending.hasRevision(turn))
      .map((turn) => ({ ...reschedule(turn, failure, failures, now()), because: trigger }))
    // Update memory first: if the store fails, the model must not be called again at once.
    for (const turn of rescheduled) this.#pending.put(turn)
    try {
      const gone = await recordFailure(engine, records, this.#key, rescheduled)
      for (const turn of gone) this.#pending.remove(turn)
    } catch (error) {
      log.warn('flush failure not stored', { error: String(error) })
    }
  }
}
