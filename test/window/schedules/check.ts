import { fail } from 'node:assert'
import type { Memory } from '../../../sidecar/memory/memory.ts'
import type { StrategyResult } from '../../../sidecar/recall/strategies/request.ts'
import { isInWindow } from '../../../sidecar/window/rule.ts'
import { itemsIn } from './item-model.ts'
import type { Ask } from './steps.ts'

export interface Asked {
  ask: Ask
  turn: number
  /** Of the language model, whatever the sidecar was told. */
  windowSize: number
  /** What was remembered when the recall began, and when it ended. */
  before: readonly Memory[]
  after: readonly Memory[]
  result: StrategyResult
}

/**
 * Nothing deleted or superseded is served, and everything that is remembered is shown, by the window or by what was
 * recalled. The budgets of the schedules have room for everything, so a block shows all that it knows.
 */
export function check({ ask, turn, windowSize, before, after, result }: Asked): void {
  const shown = new Set(itemsIn(result.context))
  const known = new Set([...before, ...after].flatMap(({ text }) => itemsIn(text)))
  for (const item of shown) {
    if (!known.has(item)) fail(`${item}, which is deleted, is served at turn ${turn}`)
  }
  const isFresh = result.cache.result !== 'hit' || ask.freshness === 'write'
  for (const memory of before) {
    // What was removed while it was being read may be there or not.
    if (!after.some(({ id, text }) => id === memory.id && text === memory.text)) continue
    const own = memory.sources.filter((source) => source.conversation_id === ask.conversation)
    // What another conversation brings comes in with the next block.
    if (!isFresh && own.length === 0) continue
    const inWindow = own.some((source) => isInWindow(source.turn ?? 0, turn, windowSize))
    const isShown = itemsIn(memory.text).every((item) => shown.has(item))
    if (inWindow || isShown) continue
    const where = `turns ${own.map((one) => one.turn)}; ${JSON.stringify(result.cache)}`
    fail(`${memory.text} is nowhere at turn ${turn} (${where})`)
  }
}
