import { parseScopeKey } from '../../memory/model/scope.ts'
import { readLatestMemories } from '../../memory/repositories/memories.ts'
import type { RecordStore } from '../../ports/records.ts'
import type { Strategies } from './strategies.ts'

const RECALLS = 5
/** UTF-16 code units of a query. */
const MAX_LENGTH = 300

/**
 * Recalls what one user said last; neither metrics nor timeline count it. The first recalls of a process load tables and run
 * code that is not compiled yet, which takes up to ten times as long.
 */
export async function warmUp(records: RecordStore, strategies: Pick<Strategies, 'recall'>): Promise<void> {
  const [scope] = await records.scopes('memories', { limit: 1 })
  if (scope === undefined) return
  for (const { memory } of await readLatestMemories(records, scope, RECALLS, undefined)) {
    const query = memory.text.slice(0, MAX_LENGTH).toWellFormed()
    const request = { query, strategy: 'per_query', topK: 10, tokenBudget: 1500, shadow: 'warm-up' } as const
    await strategies.recall(parseScopeKey(scope), request)
  }
}
