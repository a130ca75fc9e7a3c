import { describe, expect, it } from 'vitest'
import { ADA, setUp, startFlush, unavailable } from '../../../helpers/learning/buffer/helpers.ts'
import { batchOf, gibberish, held } from '../../../helpers/learning/buffer/model.ts'
import { turns, until } from '../../../helpers/learning/buffer/timers.ts'

describe('sync mode', () => {
  it('responds with the events of its turn only', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    await at.post(2, 'I have a cat')
    const { status, events } = await at.post(3, 'I moved to Porto', { mode: 'sync' })
    expect(status).toBe('stored')
    expect(events.map(({ event, memory }) => `${event} ${memory}`)).toEqual(['ADD Ada lives in Porto.'])
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Porto.'])
  })

  it('extracts the earlier pending turns of its conversation, and no others', async () => {
    const at = setUp()
    await at.post(1, 'I speak Welsh', { conversationId: 'd' })
    await at.post(1, 'I live in Leeds')
    await at.post(2, 'I moved to Porto', { mode: 'sync' })
    expect(at.buffer.list(ADA).map((one) => one.conversation_id)).toEqual(['d'])
    expect(at.model.batches()).toEqual([expect.stringMatching(/Leeds[\s\S]*Porto/)])
  })

  it('does not retry failed turns', async () => {
    const at = setUp()
    at.model.always(gibberish)
    await at.post(1, 'I live in Leeds')
    for (let i = 0; i < 5; i++) await at.buffer.flush(ADA)
    at.model.always(undefined)
    at.model.calls.length = 0
    const { status } = await at.post(2, 'I have a cat', { mode: 'sync' })
    expect(status).toBe('stored')
    expect(at.model.batches()).toEqual([expect.not.stringContaining('Leeds')])
    expect(at.buffer.list(ADA)).toMatchObject([{ turn: 1, not_before: null }])
  })

  it('responds with the events of its turn if another flush extracted it', async () => {
    const at = setUp({ countTokens: () => 16_000 })
    await at.post(1, 'I live in Leeds')
    const { flushing, release } = await startFlush(at)
    const posted = at.post(2, 'I have a cat', { mode: 'sync' })
    await until(() => at.buffer.list(ADA).length === 2)
    release()
    await flushing
    expect(await posted).toMatchObject({
      status: 'stored',
      events: [{ event: 'ADD', memory: 'Ada has a cat.' }],
    })
  })

  it('has priority over automatic flushes', async () => {
    const at = setUp({ buffer: { concurrency: 1, flushTokens: 1 } })
    const call = held()
    at.model.next(call.behaviour)
    for (const userId of ['u1', 'u2', 'u3'])
      await at.post(1, 'I live in Leeds', { scope: { namespace: 'n', userId } })
    void at.timers.advance(0)
    await call.reached
    const posted = at.post(1, 'I have a cat', { mode: 'sync' })
    await until(() => at.buffer.list(ADA).length === 1)
    await turns(20)
    call.release()
    await posted
    expect(at.model.calls.map(({ account }) => account.scope).slice(0, 2)).toEqual(['n/u1', 'n/ada'])
  })

  it('responds with the reason why the turn is pending, and loses nothing', async () => {
    const at = setUp()
    at.model.next(unavailable('rate_limited', { retryAfterMs: 1000 }))
    const { status, events, reason } = await at.post(1, 'I live in Leeds', { mode: 'sync' })
    expect({ status, events, reason }).toEqual({ status: 'buffered', events: [], reason: 'rate_limited' })
    expect(await at.recalled('Leeds')).toEqual(['I live in Leeds'])
    await at.timers.advance(60_000)
    expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  })

  it('is not blocked by an earlier turn with an unreadable answer', async () => {
    const at = setUp()
    at.model.always((request) => (batchOf(request).includes('poison') ? gibberish(request) : undefined))
    await at.post(1, 'poison, to be sure')
    const { status, events, reason } = await at.post(2, 'I have a cat', { mode: 'sync' })
    expect({ status, reason }).toEqual({ status: 'stored', reason: null })
    expect(events).toMatchObject([{ memory: 'Ada has a cat.' }])
  })

  it('responds with reason closing when the buffer closes', async () => {
    const at = setUp()
    const call = held()
    at.model.next(call.behaviour)
    const posted = at.post(1, 'I live in Leeds', { mode: 'sync' })
    await call.reached
    await at.buffer.close({ drainMs: 0 })
    expect(await posted).toMatchObject({ status: 'buffered', reason: 'closing' })
    const next = await at.restart()
    expect(next.buffer.list(ADA)).toMatchObject([{ attempts: 0, error: null }])
  })
})
