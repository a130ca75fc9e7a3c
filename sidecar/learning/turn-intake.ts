import type { MemoryEngine } from '../memory/engine/engine.ts'
import type { Scope } from '../memory/model/scope.ts'
import type { RuleBook } from '../memory/rules/rule-book.ts'
import { expiryOf } from '../memory/rules/rules.ts'
import { AppError, invalid } from '../ports/errors.ts'
import type { BufferZone } from './buffer/buffer-zone.ts'
import { triggersOf } from './buffer/settings.ts'
import { type AddRequest, type AddResult, addTurn } from './intake/add-turn.ts'

export type Mode = 'buffered' | 'sync' | 'verbatim'

export interface Taken extends Pick<AddResult, 'turnId' | 'turn' | 'events'> {
  status: 'stored' | 'buffered'
  /** Why a turn in `sync` mode is still pending. */
  reason: string | null
}

export interface IntakeOptions {
  engine: MemoryEngine
  ruleBook: RuleBook
  /** Absent without a language model: every turn is stored verbatim. */
  buffer: BufferZone | undefined
  now?: () => number
}

/** Stores turns according to the rules of their app and the mode of the request. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #now: () => number

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /**
   * @param mode `buffered` where there is a language model and `verbatim` where there is none, if absent
   * @throws {AppError} `invalid_request` for a mode that needs a model where there is none
   */
  async add(scope: Scope, request: AddRequest, mode: Mode | undefined): Promise<Taken> {
    const { engine, buffer, ruleBook } = this.#options
    const { rules } = await ruleBook.inForce(scope.namespace, request.appId ?? null)
    // A request may narrow the rules of the app, not widen them.
    const remember = rules.remember === 'both' ? (request.remember ?? 'both') : rules.remember
    const ruled = { ...request, remember }
    const said = Math.max(...request.messages.map(({ at }) => at ?? this.#now()))
    const expiresAt = expiryOf(rules, null, said, request.runId)
    if (mode === 'verbatim' || (mode === undefined && !buffer)) {
      const result = await addTurn(engine, scope, ruled, { learn: false, expiresAt, countTokens: () => 0 })
      await buffer?.settled(scope, result.turnId)
      return { ...result, status: 'stored', reason: null }
    }
    if (!buffer) {
      throw invalid(
        'mode',
        '"verbatim" (the other modes need a language model, and none is configured)',
        mode,
      )
    }
    const isAwaited = mode === 'sync'
    const triggers = triggersOf(rules)
    const { waits, ...accepted } = await buffer.accept(scope, ruled, { expiresAt, triggers })
    if (!waits || !isAwaited) return { ...accepted, status: waits ? 'buffered' : 'stored', reason: null }
    const turn = { turn_id: accepted.turnId, conversation_id: request.conversationId ?? null }
    const { events, reason } = await buffer.flushTurn(scope, turn)
    return { ...accepted, events, status: reason === null ? 'stored' : 'buffered', reason }
  }

  /**
   * Cancels extraction for a pending or failed turn and keeps its text verbatim.
   * @throws {AppError} `not_found` if the turn is not pending
   */
  async keepAsSaid(scope: Scope, turnId: string): Promise<AddResult> {
    const { engine, buffer, ruleBook } = this.#options
    const turn = await buffer?.turn(scope, turnId)
    if (!turn) throw waitsNot(turnId)
    const { rules } = await ruleBook.inForce(scope.namespace, turn.app_id)
    // The time of acceptance, not the current time.
    const messages = turn.messages.map((one) => ({ ...one, at: one.at ?? turn.created_at }))
    const request: AddRequest = {
      turnId,
      messages,
      conversationId: turn.conversation_id ?? undefined,
      turn: turn.turn ?? undefined,
      agentId: turn.agent_id ?? undefined,
      runId: turn.run_id ?? undefined,
      appId: turn.app_id ?? undefined,
      metadata: turn.metadata,
      remember: turn.remember,
    }
    const expiresAt = expiryOf(rules, null, Math.max(...messages.map(({ at }) => at)), turn.run_id)
    const result = await addTurn(engine, scope, request, { learn: false, expiresAt, countTokens: () => 0 })
    await buffer?.settled(scope, turnId)
    return result
  }
  /**
   * Cancels extraction for a pending or failed turn and removes its text from recall. The turn itself stays stored, so
   * that posting the same words again changes nothing.
   * @throws {AppError} `not_found` if the turn is not pending
   */
  async drop(scope: Scope, turnId: string): Promise<void> {
    const { engine, buffer } = this.#options
    const turn = await buffer?.turn(scope, turnId)
    if (!turn || !(await engine.dropTurn(scope, turnId))) throw waitsNot(turnId)
    await buffer?.settled(scope, turnId)
  }
}

function waitsNot(turnId: string): AppError {
  return new AppError('not_found', `turn_id: no turn ${JSON.stringify(turnId)} of this user waits`)
}
