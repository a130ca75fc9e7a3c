import type { MemoryEngine } from '../memory/engine/engine.ts'
import type { Scope } from '../memory/model/scope.ts'
import type { RuleBook } from '../memory/rules/rule-book.ts'
import { type AppRules, expiryOf } from '../memory/rules/rules.ts'
import { AppError, invalid } from '../ports/errors.ts'
import type { BufferZone } from './buffer/buffer-zone.ts'
import { triggersOf } from './buffer/settings.ts'
import { type AddRequest, type AddResult, addTurn, type Ruled } from './intake/add-turn.ts'

export type Mode = 'buffered' | 'sync' | 'verbatim'

interface IntakeResult extends Pick<AddResult, 'turnId' | 'turn' | 'events'> {
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

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /**
   * @param mode default: `buffered` with a language model, otherwise `verbatim`
   * @throws {AppError} `invalid_request` for another mode than `verbatim` without a language model
   */
  async add(scope: Scope, request: AddRequest, mode: Mode | undefined): Promise<IntakeResult> {
    const { buffer } = this.#options
    if (mode === 'verbatim' || (mode === undefined && !buffer)) {
      const { turnId, turn, events } = await this.#addVerbatim(scope, request)
      return { turnId, turn, events, status: 'stored', reason: null }
    }
    if (!buffer) {
      const expected = '"verbatim" (the other modes need a language model, and none is configured)'
      throw invalid('mode', expected, mode)
    }
    const ruled = this.#applyRules(scope, request)
    const { turnId, turn, events, pending } = await buffer.accept(scope, request, ruled)
    if (!pending) return { turnId, turn, events, status: 'stored', reason: null }
    if (mode !== 'sync') return { turnId, turn, events, status: 'buffered', reason: null }
    const flushed = await buffer.flushTurn(scope, pending)
    return { turnId, turn, ...flushed, status: flushed.reason === null ? 'stored' : 'buffered' }
  }

  /**
   * Cancels extraction for a pending or failed turn and keeps its text verbatim.
   * @throws {AppError} `not_found` if the turn is not pending
   */
  async keepVerbatim(scope: Scope, turnId: string): Promise<AddResult> {
    const { buffer } = this.#options
    const turn = await buffer?.readTurn(scope, turnId)
    if (!turn) throw notPending(turnId)
    const request: AddRequest = {
      turnId,
      // The time of acceptance, not the current time.
      messages: turn.messages.map((one) => ({ ...one, at: one.at ?? turn.created_at })),
      conversationId: turn.conversation_id ?? undefined,
      turn: turn.turn ?? undefined,
      agentId: turn.agent_id ?? undefined,
      runId: turn.run_id ?? undefined,
      appId: turn.app_id ?? undefined,
      metadata: turn.metadata,
      remember: turn.remember,
    }
    return await this.#addVerbatim(scope, request, turn.created_at)
  }

  /**
   * Cancels extraction for a pending or failed turn and removes its text from recall, but keeps the turn stored.
   * @throws {AppError} `not_found` if the turn is not pending
   */
  async drop(scope: Scope, turnId: string): Promise<void> {
    const { engine, buffer } = this.#options
    const turn = await buffer?.readTurn(scope, turnId)
    if (!turn || !(await engine.dropTurn(scope, turnId))) throw notPending(turnId)
    await buffer?.reload(scope, turnId)
  }

  /** @param acceptedAt when the request was accepted, epoch milliseconds; absent: now */
  async #addVerbatim(scope: Scope, request: AddRequest, acceptedAt?: number): Promise<AddResult> {
    const { engine, buffer } = this.#options
    const ruled = this.#applyRules(scope, request, acceptedAt)
    const result = await addTurn(engine, scope, request, { learn: false, expiresAt: null, ruled })
    await buffer?.reload(scope, result.turnId)
    return result
  }

  /** Reads the rules of the app while the caller goes on. A request may narrow them, not widen them. */
  #applyRules(scope: Scope, request: AddRequest, acceptedAt?: number): Promise<Ruled> {
    const { ruleBook, now = Date.now } = this.#options
    const at = acceptedAt ?? now()
    const apply = async (): Promise<Ruled> => {
      const { rules } = await ruleBook.inForce(scope.namespace, request.appId ?? null)
      const isKept = acceptedAt !== undefined || rules.remember === 'both'
      const remember = isKept ? (request.remember ?? 'both') : rules.remember
      return { remember, expiresAt: expiresAt(request, rules, at), triggers: triggersOf(rules) }
    }
    const ruled = apply()
    // The caller may fail before it awaits them.
    ruled.catch(() => {})
    return ruled
  }
}

/** @param now time of messages that have none, epoch milliseconds */
function expiresAt({ messages, runId }: AddRequest, rules: AppRules, now: number): number | null {
  return expiryOf(rules, null, Math.max(...messages.map(({ at }) => at ?? now)), runId)
}

function notPending(turnId: string): AppError {
  return new AppError('not_found', `turn_id: no pending turn ${JSON.stringify(turnId)} of this user`)
}
