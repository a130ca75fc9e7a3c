import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isInWindow } from '../../../../sidecar/memory/model/window-rule.ts'
import { ALL_SCHEDULES } from '../../../helpers/retrieval/window/schedules/property.ts'
import { said, type TestApp, testApp } from '../../../helpers/test-app.ts'

/** A turn: its distance from the previous one (0: regenerated), whether it is added, and the pause before it. */
const step = fc.record({
  ahead: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 2, arbitrary: fc.constantFrom(-2, 0, 2, 5, 1_000_000) },
  ),
  isAdded: fc.oneof(
    { weight: 6, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
  pauseMs: fc.constantFrom(1000, 60_000, 100_000_000),
})
const flow = fc.record({
  firstTurn: fc.constantFrom(1, 0),
  windowSize: fc.constantFrom(0, 1, 2, 3, 5, 10),
  steps: fc.array(step, { minLength: 3, maxLength: 30 }),
})

/**
 * Runs the chatflow that authors build by hand: Cache Get; unless it hits, Retrieve Memory and Cache Set; the model,
 * which sees the window and the value; Add Memory. Returns the number of cache reads by outcome.
 */
async function runFlow(
  { call, clock }: TestApp,
  user_id: string,
  {
    firstTurn,
    windowSize,
    steps,
  }: {
    firstTurn: number
    windowSize: number
    steps: readonly { ahead: number; isAdded: boolean; pauseMs: number }[]
  },
  toldWindowSize: (windowSize: number) => number,
): Promise<Record<string, number>> {
  const added = new Map<number, string>()
  const seen: Record<string, number> = {}
  let turn = firstTurn - 1
  let items = 0
  for (const { ahead, isAdded, pauseMs } of steps) {
    turn = Math.min(2 ** 31 - 1, Math.max(firstTurn, turn + ahead))
    clock.advance(pauseMs)
    // A regenerated earlier turn replaces the turns after it.
    const inThread = [...added].filter(([other]) => other < turn)
    const size = toldWindowSize(windowSize)
    const path = `/v1/cache/mem:${user_id}?conversation_id=c&turn=${turn}&window_size=${size}`
    const read = (await call('GET', path)).body
    seen[`${read.status} ${read.reason}`] = (seen[`${read.status} ${read.reason}`] ?? 0) + 1
    let value: string = read.value
    if (read.status !== 'hit') {
      const asked = { user_id, query: 'What is in the box?', strategy: 'per_query', top_k: 100 }
      value = (await call('POST', '/v1/recall', { ...asked, token_budget: 100_000 })).body.context
      await call('PUT', `/v1/cache/mem:${user_id}`, { value, conversation_id: 'c', turn, window_size: size })
    }
    for (const [other, item] of inThread) {
      if (isInWindow(other, turn, windowSize) || value.includes(item)) continue
      throw new Error(
        `${item} of turn ${other} is missing at turn ${turn}: ${JSON.stringify({ ...read, value })}`,
      )
    }
    if (!isAdded || added.has(turn)) continue
    const item = `item${++items}x`
    await call('POST', '/v1/memories', said(`My box holds ${item}.`, { user_id, conversation_id: 'c', turn }))
    added.set(turn, item)
  }
  return seen
}

it('a flow of Cache Get, Retrieve Memory and Cache Set hides no turn', { timeout: 120_000 }, async () => {
  const all: Record<string, number> = {}
  const app = testApp()
  let users = 0
  await fc.assert(
    fc.asyncProperty(flow, async (one) => {
      for (const [outcome, count] of Object.entries(await runFlow(app, `u${users++}`, one, (n) => n)))
        all[outcome] = (all[outcome] ?? 0) + count
    }),
    { numRuns: Math.min(150, ALL_SCHEDULES / 4) },
  )
  for (const outcome of ['hit hit', 'stale window', 'miss absent']) expect(all[outcome]).toBeGreaterThan(0)
})

it('the flow check detects a value that is served one turn too long', async () => {
  const app = testApp()
  let users = 0
  const property = fc.asyncProperty(
    flow,
    async (one) => void (await runFlow(app, `u${users++}`, one, (n) => (n > 1 ? n + 1 : n))),
  )
  const outcome = await fc.check(property, { numRuns: 2000, endOnFailure: true })
  expect(String(outcome.errorInstance)).toMatch(/is missing at turn/)
})
