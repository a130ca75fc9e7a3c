import { randomUUID } from 'node:crypto'
import { type Scope, scopeKey } from '../../memory/model/scope.ts'
import { NO_TURN } from '../../memory/model/turns.ts'
import { getConversation } from '../../memory/repositories/turns.ts'
import { CacheUnavailable } from '../../ports/cache-store.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { ScopeState } from '../../ports/scope-state.ts'

/**
 * Numbers the recalls of callers that have no turn number: each distinct call is one turn, after the last stored turn. Too
 * high a number, as by two recalls in one turn, renews blocks early and hides nothing.
 */
export class TurnCounter {
  readonly #records: RecordStore
  readonly #state: ScopeState

  constructor(records: RecordStore, state: ScopeState) {
    this.#records = records
    this.#state = state
  }

  /**
   * @param call identifies the call in its retries
   * @returns `undefined` when the shared state does not answer; such a recall searches per query
   */
  async count(
    scope: Scope,
    conversationId: string,
    call: string = randomUUID(),
  ): Promise<number | undefined> {
    const key = scopeKey(scope)
    const last = (await getConversation(this.#records, key, conversationId))?.last_turn ?? NO_TURN
    try {
      return await this.#state.countTurn(key, conversationId, call, Math.max(last, 0) + 1)
    } catch (error) {
      if (error instanceof CacheUnavailable) return undefined
      throw error
    }
  }
}
