import { describe, expect, it } from 'vitest'
import { type Answer, said, testApp } from '../../helpers/test-app.ts'

const place = (turn: number) => ({ conversation_id: 'c', turn })

describe('turn 0, with which Dify before 1.9 starts,', () => {
  it('is stored, listed and numbered before turn 1', async () => {
    const { call, clock } = testApp()
    const { status, body } = await call('POST', '/v1/memories', said('I live in Porto.', place(0)))
    expect([status, body.turn]).toEqual([200, 0])
    clock.advance(1)
    const next = await call('POST', '/v1/memories', said('I keep bees.', { conversation_id: 'c' }))
    expect(next.body.turn).toBe(1)
    expect((await call('GET', '/v1/conversations/c?user_id=ada')).body.last_turn).toBe(1)
    const { memories } = (await call('GET', '/v1/memories?user_id=ada&order=oldest')).body
    expect(memories.map(({ turn }: { turn: number }) => turn)).toEqual([0, 1])
    const asked = { user_id: 'ada', query: 'Porto', filters: { turn: 0 } }
    expect((await call('POST', '/v1/memories/search', asked)).body.memories).toHaveLength(1)
    expect((await call('GET', '/v1/ledger?turn=0')).status).toBe(200)
  })

  it('is replaced when it is sent again', async () => {
    const { call, clock } = testApp()
    const first = await call('POST', '/v1/memories', said('I live in Porto.', place(0)))
    clock.advance(2000)
    const second = await call('POST', '/v1/memories', said('I live in Braga.', place(0)))
    expect(second.body.turn_id).toBe(first.body.turn_id)
    const { memories } = (await call('GET', '/v1/memories?user_id=ada')).body
    expect(memories.map(({ memory }: { memory: string }) => memory)).toEqual(['I live in Braga.'])
  })

  it('is the context of an answer in turn 1', async () => {
    const { call, services } = testApp()
    const question = { role: 'assistant', content: 'Are you allergic to penicillin?' }
    await call('POST', '/v1/memories', { user_id: 'ada', messages: [question], ...place(0) })
    await call('POST', '/v1/memories', said('I have been since I was nine.', place(1)))
    const { memories } = await services.engine.list(
      { namespace: 'default', userId: 'ada' },
      { limit: 9, accept: () => true },
    )
    expect(memories.find(({ sources }) => sources[0]?.turn === 1)?.context).toBe(question.content)
  })

  it.each(['cached', 'cached_delta'])(
    'builds a %s block that is served for window_size turns',
    async (strategy) => {
      const { call } = testApp()
      await call('POST', '/v1/memories', said('I live in Porto.', { conversation_id: 'other' }))
      const recall = async (turn: number) => {
        const asked = { user_id: 'ada', query: 'Where do I live?', strategy, window_size: 3 }
        const { status, body }: Answer = await call('POST', '/v1/recall', { ...asked, ...place(turn) })
        expect(status).toBe(200)
        await call('POST', '/v1/memories', said(`I own boat ${turn}.`, place(turn)))
        return `${body.cache.result} ${body.cache.reason}`
      }
      const outcomes = []
      for (let turn = 0; turn <= 4; turn++) outcomes.push(await recall(turn))
      expect(outcomes).toEqual(['miss first', 'hit hit', 'hit hit', 'miss window', 'hit hit'])
      const { body } = await call('GET', '/v1/conversations/c/timeline?user_id=ada&limit=3')
      const rest = await call('GET', `/v1/conversations/c/timeline?user_id=ada&cursor=${body.next_cursor}`)
      expect([...body.turns, ...rest.body.turns].map(({ turn }) => turn)).toEqual([4, 3, 2, 1, 0])
      expect([body.uncovered, rest.body.uncovered]).toEqual([false, false])
    },
  )

  it('is found in a block when it is added late, after it was taken for a hole', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I keep bees.', { conversation_id: 'other' }))
    const recall = async (turn: number) => {
      const asked = { user_id: 'ada', query: 'Where do I live?', strategy: 'cached', window_size: 3 }
      return (await call('POST', '/v1/recall', { ...asked, ...place(turn) })).body
    }
    expect((await recall(3)).context).not.toContain('Porto')
    await call('POST', '/v1/memories', said('I live in Porto.', place(0)))
    expect((await recall(4)).context).toContain('Porto')
  })

  it('sets a cache entry that is served up to turn window_size - 1', async () => {
    const { call } = testApp()
    const set = await call('PUT', '/v1/cache/k', { value: 'v', window_size: 3, ...place(0) })
    expect(set.body.serves_until_turn).toBe(2)
    const read = async (turn: number) =>
      (await call('GET', `/v1/cache/k?conversation_id=c&turn=${turn}`)).body.status
    expect([await read(0), await read(2), await read(3)]).toEqual(['hit', 'hit', 'stale'])
  })
})
