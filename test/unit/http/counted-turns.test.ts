import { describe, expect, it } from 'vitest'
import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { CacheUnavailable } from '../../../sidecar/ports/cache-store.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const recall = (app: ReturnType<typeof testApp>, key?: string, more = {}) =>
  app.call(
    'POST',
    '/v1/recall',
    { user_id: 'ada', conversation_id: 'c', query: 'sport', window_size: 3, ...more },
    key === undefined ? {} : { 'idempotency-key': key },
  )

describe('a conversation without turn numbers', () => {
  it('counts each recall as a turn, so that auto caches a block and renews it by the window rule', async () => {
    const app = testApp()
    const seen: unknown[] = []
    for (let turn = 1; turn <= 5; turn++) {
      const { body } = await recall(app)
      seen.push([body.turn, body.strategy, body.cache.reason])
      await app.call('POST', '/v1/memories', said(`I like sport ${turn}.`, { conversation_id: 'c' }))
    }
    expect(seen).toEqual([
      [1, 'cached_delta', 'first'],
      [2, 'cached_delta', 'hit'],
      [3, 'cached_delta', 'hit'],
      [4, 'cached_delta', 'window'],
      [5, 'cached_delta', 'hit'],
    ])
    const { body } = await app.call('GET', '/v1/conversations/c?user_id=ada')
    expect(body.last_turn).toBe(5)
  })

  it('gives the retries of a call its first number, and never less than the stored turns', async () => {
    const app = testApp()
    const turns = [await recall(app, 'a'), await recall(app, 'b'), await recall(app, 'a')]
    expect(turns.map(({ body }) => body.turn)).toEqual([1, 2, 1])
    await app.call('POST', '/v1/memories', said('I sail.', { conversation_id: 'c', turn: 7 }))
    expect((await recall(app, 'c')).body.turn).toBe(8)
    expect((await recall(app, 'd', { turn: 3 })).body.turn).toBe(3)
    expect((await recall(app, 'e', { conversation_id: undefined })).body.turn).toBe(null)
  })

  it('searches per query with the reason no_turn where turns cannot be counted', async () => {
    const state = createInProcessScopeState({ maxEntries: 10, maxBytes: 10_000 })
    const countTurn = () => Promise.reject(new CacheUnavailable('timeout', 'no answer'))
    const { body } = await recall(testApp({ scopeState: { ...state, countTurn } }))
    expect(body).toMatchObject({ turn: null, strategy: 'per_query', cache: { reason: 'no_turn' } })
  })
})
