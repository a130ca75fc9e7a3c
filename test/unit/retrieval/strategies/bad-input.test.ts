import { describe, expect, it } from 'vitest'
import { chat } from '../../../helpers/retrieval/strategies/helpers.ts'

const WHOLE_TURN = /^turn: expected an integer from 0 to 2147483647, got /
const WHOLE_WINDOW = /^window_size: expected an integer from 0 to 500, got /

describe('a recall returns 400 for', () => {
  it.each([
    ['a negative turn', { turn: -3 }, WHOLE_TURN],
    ['a fractional turn', { turn: 2.5 }, WHOLE_TURN],
    ['a turn as a string', { turn: '2' }, WHOLE_TURN],
    ['a turn above the maximum', { turn: 2 ** 31 }, WHOLE_TURN],
    ['a negative window', { window_size: -1 }, WHOLE_WINDOW],
    ['a window of 501', { window_size: 501 }, WHOLE_WINDOW],
    ['a fractional window', { window_size: 0.5 }, WHOLE_WINDOW],
    ['an unknown strategy', { strategy: 'fast' }, /^strategy: expected .*auto.*cached_delta.*got "fast"/],
    ['an unknown freshness', { freshness: 'now' }, /^freshness: expected .*window.*write.*got "now"/],
    [
      'a negative budget',
      { token_budget: -1 },
      /^token_budget: expected an integer from 0 to 100000, got -1/,
    ],
    [
      'a shift above 1',
      { refresh_on_shift: 1.5 },
      /^refresh_on_shift: expected a number from 0 to 1, got 1.5/,
    ],
    ['top_k 0', { top_k: 0 }, /^top_k: expected an integer from 1 to 100, got 0/],
  ])('%s', async (_name, rest, message) => {
    const app = chat()
    const asked = {
      user_id: 'ada',
      query: 'q',
      conversation_id: 'c',
      turn: 2,
      window_size: 5,
      strategy: 'cached',
    }
    const { status, body } = await app.call('POST', '/v1/recall', { ...asked, ...rest })
    expect({ status, message: body.error?.message }).toEqual({
      status: 400,
      message: expect.stringMatching(message),
    })
  })
})

describe('a recall with', () => {
  it.each([0, 1])('a window of %i does not use the cache and returns earlier turns', async (window_size) => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    for (const strategy of ['cached', 'cached_delta', 'auto']) {
      expect(await app.ask(2, { window_size, strategy })).toMatchObject({
        ...{ strategy: 'per_query', block: '', delta: expect.stringContaining('Kyoto') },
        cache: { result: 'none', reason: 'window_too_small', serves_until_turn: null },
      })
    }
  })

  it.each([
    ['no_window', { window_size: undefined }],
    ['no_conversation', { conversation_id: undefined }],
  ])('%s answers per query and includes turns that the window may show', async (reason, rest) => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    expect(await app.ask(2, rest)).toMatchObject({
      ...{ status: 'ok', strategy: 'per_query', delta: expect.stringContaining('Kyoto') },
      cache: { result: 'none', reason },
    })
  })

  it('a window of 101 serves a block for 101 turns', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    expect((await app.ask(2, { window_size: 101 })).cache.serves_until_turn).toBe(102)
    expect((await app.ask(102, { window_size: 101 })).cache).toMatchObject({ result: 'hit', age_turns: 100 })
    expect((await app.ask(103, { window_size: 101 })).cache).toMatchObject({ reason: 'window' })
  })

  it('a decreasing turn number does not extend a block, and reports no negative age', async () => {
    const app = chat()
    for (const turn of [1, 2, 3, 4]) await app.say(turn, `I keep item number ${turn} in my box.`)
    expect((await app.ask(5)).cache).toMatchObject({ reason: 'first', serves_until_turn: 9 })
    expect((await app.ask(3)).cache).toMatchObject({ result: 'hit', age_turns: 0, serves_until_turn: 9 })
    expect((await app.ask(9)).cache.result).toBe('hit')
    expect((await app.ask(10)).cache.reason).toBe('window')
  })

  it('a turn number that jumps by a million and back never serves a block that hides a turn', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    await app.ask(2)
    const far = await app.ask(1_000_002)
    expect(far).toMatchObject({ cache: { reason: 'window' }, block: expect.stringContaining('Kyoto') })
    await app.say(2, 'I keep bees.')
    // Turn 2 is in the window of turn 3, and in no window of the far turns.
    expect((await app.ask(1_000_003)).block).toMatch(/Kyoto.*\n.*bees/)
    expect((await app.ask(8)).block).toMatch(/Kyoto.*\n.*bees/)
  })

  it.each(['per_query', 'cached', 'cached_delta'])(
    'a budget of 0 under %s returns an empty context',
    async (strategy) => {
      const app = chat()
      await app.say(1, 'I live in Kyoto.')
      for (const turn of [7, 8]) {
        expect(await app.ask(turn, { strategy, token_budget: 0 })).toMatchObject({
          ...{ status: 'empty', context: '', block: '', delta: '', tokens: 0, count: 0 },
          ...{ degraded: [], cache: { block_hash: null } },
        })
      }
      // The cache key includes the budget.
      expect((await app.ask(8, { strategy })).context).toContain('Kyoto')
    },
  )
})
