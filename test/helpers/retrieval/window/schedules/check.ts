import { fail } from 'node:assert'
import type { Memory } from '../../../../../sidecar/memory/model/memory.ts'
import { isInWindow } from '../../../../../sidecar/memory/model/window-rule.ts'
import type { StrategyResult } from '../../../../../sidecar/retrieval/strategies/request.ts'
import { itemsIn } from './item-model.ts'
import type { Ask } from './steps.ts'

export interface Asked {
  ask: Ask
  turn: number
  /** The real window size of the language model, even if the sidecar was told another. */
  windowSize: number
  /** The memories in the store when the recall started and when it ended. */
  before: readonly Memory[]
  after: readonly Memory[]
  result: StrategyResult
}

/**
 * Fails if a deleted or superseded memory is served, or if a live memory is neither in the window nor in the recalled
 * context. The token budgets of the schedules fit all memories, so no memory is missing for lack of space.
 */
export function check({ ask, turn, windowSize, before, after, result }: Asked): void {
  const shown = new Set(itemsIn(result.context))
  const known = new Set([...before, ...after].flatMap(({ text }) => itemsIn(text)))
  for (const item of shown) {
    if (!known.has(item)) fail(`${item} is deleted but served at turn ${turn}`)
  }
  const isFresh = result.cache.result !== 'hit' || ask.freshness === 'write'
  for (const memory of before) {
    // A memory that was removed during the recall may be in the context or not.
    if (!after.some(({ id, text }) => id === memory.id && text === memory.text)) continue
    const own = memory.sources.filter((source) => source.conversation_id === ask.conversation)
    // Memories of other conversations appear with the next block.
    if (!isFresh && own.length === 0) continue
    const inWindow = own.some((source) => isInWindow(source.turn ?? 0, turn, windowSize))
    const isShown = itemsIn(memory.text).every((item) => shown.has(item))
    if (inWindow || isShown) continue
    const where = `turns ${own.map((one) => one.turn)}; ${JSON.stringify(result.cache)}`
    fail(`${memory.text} is missing at turn ${turn} (${where})`)
  }
}
