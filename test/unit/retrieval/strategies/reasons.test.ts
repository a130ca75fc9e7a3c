import { describe, expect, it } from 'vitest'
import { chat } from '../../../helpers/retrieval/strategies/helpers.ts'

describe('the cache reason is', () => {
  it('first for a new block, then hit with its age until a turn leaves the window', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    expect((await app.ask(2)).cache).toEqual({
      ...{ result: 'miss', reason: 'first', age_turns: 0, serves_until_turn: 6 },
      block_hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    await app.say(2, 'I keep bees.')
    expect((await app.ask(3)).cache).toMatchObject({ result: 'hit', reason: 'hit', age_turns: 1 })
    // A regenerated answer and an edited thread.
    expect((await app.ask(2)).cache).toMatchObject({ result: 'hit', age_turns: 0 })
    expect((await app.ask(6)).cache).toMatchObject({ result: 'hit', age_turns: 4, serves_until_turn: 6 })
    const renewed = await app.ask(7)
    expect(renewed.cache).toMatchObject({ result: 'miss', reason: 'window', age_turns: 0 })
    expect(renewed.block).toContain('I keep bees.')
    app.clock.advance(60_000)
    expect((await app.ask(1_000_000)).cache).toMatchObject({ reason: 'window', serves_until_turn: 1_000_004 })
  })

  it('fence after a removal or a correction', async () => {
    const app = chat()
    const id = await app.say(1, 'I live in Kyoto.')
    await app.ask(2)
    await app.call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: 'I live in Osaka.' })
    const corrected = await app.ask(2)
    expect(corrected.cache).toMatchObject({ result: 'miss', reason: 'fence' })
    expect(corrected.context).not.toContain('Kyoto')
    await app.call('DELETE', `/v1/memories/${id}?user_id=ada`)
    expect(await app.ask(2)).toMatchObject({
      status: 'empty',
      block: '',
      cache: { reason: 'fence', block_hash: null },
    })
    expect((await app.ask(2)).cache.reason).toBe('hit')
  })

  it('write after an addition, with freshness write', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    await app.ask(2, { freshness: 'write' })
    expect((await app.ask(3, { freshness: 'write' })).cache.reason).toBe('hit')
    await app.say(9, 'I keep bees.', { conversation_id: 'other' })
    // The same block with freshness window.
    expect((await app.ask(3)).cache.reason).toBe('hit')
    const fresh = await app.ask(3, { freshness: 'write' })
    expect(fresh.cache.reason).toBe('write')
    expect(fresh.block).toContain('bees')
  })

  it('ttl after the TTL ± 10 %', async () => {
    const app = chat({ strategies: { blockTtlMs: 100_000 } })
    await app.say(1, 'I live in Kyoto.')
    await app.ask(2)
    app.clock.advance(89_999)
    expect((await app.ask(2)).cache.reason).toBe('hit')
    app.clock.advance(20_002)
    expect((await app.ask(2)).cache.reason).toBe('ttl')
  })

  it('ttl as soon as a memory of the block has expired', async () => {
    const app = chat()
    const id = await app.say(1, 'I live in Kyoto.')
    const expires_at = new Date(app.clock.now() + 10_000).toISOString()
    await app.call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', expires_at })
    expect((await app.ask(2)).block).toContain('Kyoto')
    app.clock.advance(9999)
    expect((await app.ask(2)).cache.reason).toBe('hit')
    app.clock.advance(1)
    expect(await app.ask(2)).toMatchObject({ block: '', cache: { reason: 'ttl' } })
  })

  it('topic_shift if the query differs too much from the query of the block', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    const shift = { refresh_on_shift: 0.3 }
    await app.ask(2, shift)
    expect((await app.ask(3, { ...shift, query: 'And what about Kyoto?' })).cache.reason).toBe('hit')
    expect((await app.ask(3, { ...shift, query: 'Which instrument does she play?' })).cache.reason).toBe(
      'topic_shift',
    )
    expect((await app.ask(3, { query: 'Which instrument does she play?' })).cache.reason).toBe('first')
  })

  it('forced with refresh', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    await app.ask(2)
    expect((await app.ask(2, { refresh: true })).cache).toMatchObject({ result: 'miss', reason: 'forced' })
  })

  it.each([
    ['no_conversation', 2, { conversation_id: undefined }],
    ['no_window', 2, { window_size: undefined }],
    ['window_too_small', 2, { window_size: 0 }],
    ['window_too_small', 2, { window_size: 1 }],
  ])(
    '%s if turn is %j and the request has %j, and the answer is that of per_query',
    async (reason, turn, rest) => {
      const app = chat()
      await app.say(1, 'I live in Kyoto.')
      for (const strategy of ['cached', 'cached_delta', 'auto']) {
        for (let i = 0; i < 2; i++) {
          expect(await app.ask(turn, { strategy, ...rest })).toMatchObject({
            ...{ status: 'ok', strategy: 'per_query', block: '', delta: expect.stringContaining('Kyoto') },
            cache: { result: 'none', reason, age_turns: null, block_hash: null },
          })
        }
      }
    },
  )
})

it('the cache reason is disabled with strategy per_query', async () => {
  const app = chat()
  await app.say(1, 'I live in Kyoto.')
  expect((await app.ask(2, { strategy: 'per_query' })).cache).toMatchObject({ reason: 'disabled' })
})

describe('auto', () => {
  it('selects cached_delta if conversation, turn and window are given, and reports it', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    for (const strategy of ['auto', undefined]) {
      const answer = await app.ask(2, { strategy, window_size: 2, top_k: undefined })
      expect(answer).toMatchObject({ strategy: 'cached_delta', block: expect.stringContaining('Kyoto') })
      expect((await app.ask(2, { strategy: 'cached_delta', window_size: 2, top_k: 10 })).block).toBe(
        answer.block,
      )
    }
    expect((await app.ask(2, { strategy: 'auto', window_size: 1 })).strategy).toBe('per_query')
    expect((await app.ask(2, { strategy: 'auto', conversation_id: undefined })).strategy).toBe('per_query')
  })
})

describe('a turn that was recalled for and has not been added', () => {
  it('limits the watermark for a minute, then counts as a hole, and renews the block when it is added late', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    await app.ask(2)
    // Turn 2 is expected, so the watermark of a block of turn 3 is 1.
    expect((await app.ask(3, { refresh: true })).cache.serves_until_turn).toBe(6)
    app.clock.advance(60_000)
    expect((await app.ask(3, { refresh: true })).cache.serves_until_turn).toBe(7)
    await app.say(2, 'I keep bees.')
    // Turn 2 is in the windows of turns up to 6.
    expect((await app.ask(6)).cache.reason).toBe('hit')
    const renewed = await app.ask(7)
    expect(renewed.cache.reason).toBe('window')
    expect(renewed.block).toContain('bees')
  })
})
