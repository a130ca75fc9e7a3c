import type { MemoryEngine } from '../memory/engine/engine.ts'
import type { Scope } from '../memory/model/scope.ts'
import type { RuleBook } from '../memory/rules/rule-book.ts'
import { type AppRules, expiryOf } from '../memory/rules/rules.ts'
import { AppError, invalid } from '../ports/errors.ts'
import { type Cleaned, clean } from '../text/cleaning/clean.ts'
import type { CleanedCounts } from '../text/cleaning/counts.ts'
import type { BufferZone } from './buffer/buffer-zone.ts'
import { triggersOf } from './buffer/settings.ts'
import { type AddRequest, type AddResult, addTurn } from './intake/add-turn.ts'
import { cleanTurn } from './intake/clean-turn.ts'

export type Mode = 'buffered' | 'sync' | 'verbatim'

interface IntakeResult
  extends Pick<AddResult, 'turnId' | 'turn' | 'change' | 'events' | 'abandonedTurns' | 'degraded'> {
  status: 'stored' | 'buffered'
  /** Why a turn in `sync` mode is still pending. */
  reason: string | null
}

interface CleanedResult extends IntakeResult {
  /** What was removed from the messages. */
  cleaned: CleanedCounts
}

export interface IntakeOptions {
  engine: MemoryEngine
  ruleBook: RuleBook
  /** Absent without a language model: every turn is stored verbatim. */
  buffer: BufferZone | undefined
  onCleaned?: (counts: CleanedCounts) => void
  /** Called with every stored turn, with its messages cleaned. Must not throw or block. */
  onAdded?: (scope: Scope, request: AddRequest, result: IntakeResult) => void
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
  async add(scope: Scope, request: AddRequest, mode: Mode | undefined): Promise<CleanedResult> {
    const { buffer, ruleBook, onCleaned, onAdded } = this.#options
    if (!buffer && mode !== undefined && mode !== 'verbatim') {
      const expected = '"verbatim" (the other modes need a language model, and none is configured)'
      throw invalid('mode', expected, mode)
    }
    const { rules } = await ruleBook.inForce(scope.namespace, request.appId ?? null)
    // A request may narrow the rules of the app, not widen them.
    const remember = rules.remember === 'both' ? (request.remember ?? 'both') : rules.remember
    const { messages, counts, isPhatic } = await cleanTurn(request.messages, rules.redact)
    // There is nothing to extract from acknowledgements, nor from a turn without text, such as a tool call.
    const ownMode = isPhatic || messages.length === 0 ? 'verbatim' : mode
    const result = await this.#store(
      scope,
      { ...request, messages, remember, timeZone: rules.time_zone },
      rules,
      ownMode,
    )
    onCleaned?.(counts)
    onAdded?.(scope, { ...request, messages }, result)
    return { ...result, cleaned: counts }
  }

  /** Cleans texts that become memories as they are: imported ones and corrections. */
  async cleanTexts(texts: Parameters<typeof clean>[0]['texts'], { redact }: AppRules): Promise<Cleaned> {
    const cleaned = await clean({ texts, redact })
    this.#options.onCleaned?.(cleaned.counts)
    return cleaned
  }

  /**
   * Cleans the new text of a memory.
   * @throws {AppError} `invalid_request` when nothing is left of it, `not_found` for an unknown memory
   */
  async cleanCorrection(scope: Scope, id: string, content: string) {
    const { engine, ruleBook } = this.#options
    const { app_id, role } = await engine.get(scope, id)
    const { rules } = await ruleBook.inForce(scope.namespace, app_id)
    const { texts, counts } = await this.cleanTexts([{ role, content }], rules)
    const text = texts[0]?.trim()
    if (!text) {
      throw invalid('memory', 'more than the thoughts of a model or an unresolved reference', content)
    }
    return { text, counts }
  }

  async #store(
    scope: Scope,
    ruled: AddRequest,
    rules: AppRules,
    mode: Mode | undefined,
  ): Promise<IntakeResult> {
    const { buffer, now = Date.now } = this.#options
    const at = now()
    if (mode === 'verbatim' || !buffer) {
      const { pending: _, ...added } = await this.#addVerbatim(scope, ruled, rules, at)
      return { ...added, status: 'stored', reason: null }
    }
    const options = { expiresAt: expiresAt(ruled, rules, at), triggers: triggersOf(rules) }
    const { pending, ...accepted } = await buffer.accept(scope, ruled, options)
    if (!pending) return { ...accepted, status: 'stored', reason: null }
    if (mode !== 'sync') return { ...accepted, status: 'buffered', reason: null }
    const flushed = await buffer.flushTurn(scope, pending)
    return { ...accepted, ...flushed, status: flushed.reason === null ? 'stored' : 'buffered' }
  }

  /**
   * Cancels extraction for a pending or failed turn and keeps its text verbatim.
   * @throws {AppError} `not_found` if the turn is not pending
   */
  async keepVerbatim(scope: Scope, turnId: string): Promise<AddResult> {
    const { buffer, ruleBook } = this.#options
    const turn = await buffer?.readTurn(scope, turnId)
    if (!turn) throw notPending(turnId)
    const { rules } = await ruleBook.inForce(scope.namespace, turn.app_id)
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
      timeZone: turn.time_zone,
    }
    return await this.#addVerbatim(scope, request, rules, turn.created_at)
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

  async #addVerbatim(scope: Scope, request: AddRequest, rules: AppRules, now: number): Promise<AddResult> {
    const { engine, buffer } = this.#options
    const options = { learn: false, expiresAt: expiresAt(request, rules, now) }
    const result = await addTurn(engine, scope, request, options)
    await buffer?.reload(scope, result.turnId)
    return result
  }
}

/** @param now time of messages that have none, epoch milliseconds */
function expiresAt({ messages, runId }: AddRequest, rules: AppRules, now: number): number | null {
  return expiryOf(rules, null, Math.max(...messages.map(({ at }) => at ?? now)), runId)
}

function notPending(turnId: string): AppError {
  return new AppError('not_found', `turn_id: no pending turn ${JSON.stringify(turnId)} of this user`)
}
