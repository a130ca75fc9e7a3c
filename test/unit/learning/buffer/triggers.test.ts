import { describe, expect, it } from 'vitest'
import { ObservedWindows } from '../../../../sidecar/learning/buffer/observed-windows.ts'
import { appRules } from '../../../../sidecar/memory/rules/rules.ts'
import {
  ADA,
  expectFlushes,
  flushes,
  setUp,
  startFlush,
  unavailable,
} from '../../../helpers/learning/buffer/helpers.ts'
import { gibberish, held } from '../../../helpers/learning/buffer/model.ts'
import { quiet, turns, until } from '../../../helpers/learning/buffer/timers.ts'

const MINUTE = 60_000

describe('a flush starts', () => {
  it('at once when pending turns reach 1024 tokens', async () => {
    const at = setUp({ countTokens: () => 512 })
    await at.post(1, 'I live in Leeds')
    expect(at.timers.set()).toEqual([MINUTE])
    await at.post(2, 'I have a cat')
    await at.timers.advance(0)
    await expectFlushes(at, ['tokens'])
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.'])
  })

  it('a minute after the last turn', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(59_999)
    await at.post(2, 'I have a cat')
    await at.timers.advance(MINUTE - 1)
    expect(at.model.calls).toEqual([])
    await at.timers.advance(1)
    await expectFlushes(at, ['idle'])
    expect(at.timers.set()).toEqual([])
  })

  it('a minute after the last turn, also if another conversation is flushed meanwhile', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(MINUTE / 2)
    await at.post(1, 'I have a cat', { conversationId: 'd' })
    await at.timers.advance(MINUTE / 4)
    await at.buffer.flush(ADA, 'd')
    expect(flushes(at)).toEqual(['explicit'])
    expect(at.timers.set()).toEqual([MINUTE / 4])
    await at.timers.advance(MINUTE / 4)
    await expectFlushes(at, ['explicit', 'idle'])
  })

  it('on request, for one conversation or for all', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    await at.post(1, 'I have a cat', { conversationId: 'd' })
    await at.post(1, 'I speak Welsh', { conversationId: 'e' })
    const { events, reason } = await at.buffer.flush(ADA, 'd')
    expect(events).toMatchObject([{ event: 'ADD', memory: 'Ada has a cat.' }])
    expect(reason).toBeNull()
    expect(at.buffer.list(ADA).map((one) => one.conversation_id)).toEqual(['c', 'e'])
    await at.buffer.flush(ADA)
    expect(at.buffer.list(ADA)).toEqual([])
    expect(flushes(at)).toEqual(['explicit', 'explicit', 'explicit'])
  })

  it('within a second after a restart, for pending turns of the earlier process', async () => {
    const before = setUp()
    await before.post(1, 'I live in Leeds')
    const at = await before.restart()
    expect(at.buffer.list(ADA)).toHaveLength(1)
    expect(at.timers.set()[0]).toBeLessThanOrEqual(1000)
    await at.timers.advance(1000)
    await expectFlushes(at, ['start'])
    expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
  })

  it('again at most 2 s after a model failure', async () => {
    const at = setUp()
    at.model.next(unavailable('server_error'))
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(MINUTE)
    await quiet()
    expect(at.buffer.list(ADA)).toMatchObject([{ attempts: 1, error: 'server_error' }])
    const [delay] = at.timers.set() as [number]
    expect(delay).toBeGreaterThan(0)
    expect(delay).toBeLessThanOrEqual(2000)
    await at.timers.advance(2000)
    await expectFlushes(at, ['retry'])
    expect(at.lines).toContainEqual(
      expect.objectContaining({ event: 'flush failed, retrying', reason: 'idle', error: 'server_error' }),
    )
  })

  it('once per scope: turns that are added during a flush set no second timer', async () => {
    const at = setUp({ countTokens: () => 2000 })
    const call = held()
    at.model.next(call.behaviour)
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(0)
    await call.reached
    await at.post(2, 'I have a cat')
    await at.post(3, 'I speak Welsh')
    expect(at.timers.set().length).toBeLessThanOrEqual(1)
    await at.timers.advance(0)
    call.release()
    await at.timers.advance(10 * MINUTE)
    expect(at.buffer.list(ADA)).toEqual([])
    expect(at.model.batches()).toHaveLength(2)
    expect(at.timers.set()).toEqual([])
  })
})

describe('a flush also starts', () => {
  const view = (turn: number, windowSize: number) => ({ turn, windowSize })

  it('at the configured number of turns', async () => {
    const at = setUp({ buffer: { flushTurns: 3 } })
    for (const turn of [1, 2]) await at.post(turn, 'I live in Leeds')
    await at.timers.advance(1000)
    expect(at.model.calls).toEqual([])
    await at.post(3, 'I have a cat')
    await at.timers.advance(0)
    await expectFlushes(at, ['turns'])
    expect(await at.texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.'])
  })

  it.each([
    [5, 2, 4],
    [5, 1, 5],
    [10, 2, 9],
    [3, 2, 2],
    [2, 2, 1],
  ])('with a window of %i turns, %i ahead: after turn %i', async (size, ahead, last) => {
    const at = setUp({ buffer: { windowAhead: ahead } })
    for (let turn = 1; turn <= last; turn++) {
      expect(at.model.calls).toEqual([])
      at.buffer.observeWindow(ADA, 'c', view(turn, size))
      await at.post(turn, turn === 1 ? 'I live in Leeds' : 'I have a cat')
      await at.timers.advance(100)
    }
    await expectFlushes(at, ['window'])
    // One call extracts the leaving turn and the later ones.
    expect(at.buffer.list(ADA)).toEqual([])
    expect(at.model.batches()).toHaveLength(1)
  })

  it('only for the conversation whose window is full', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    await at.post(1, 'I have a cat', { conversationId: 'd' })
    at.buffer.observeWindow(ADA, 'c', view(5, 5))
    await at.timers.advance(0)
    await expectFlushes(at, ['window'])
    expect(await at.texts()).toEqual(['Ada lives in Leeds.', 'I have a cat'])
    expect(at.timers.set()).toEqual([MINUTE])
  })

  it('when a recall skips turns and no longer shows a pending turn', async () => {
    const at = setUp()
    at.buffer.observeWindow(ADA, 'c', view(1, 10))
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(1000)
    expect(at.model.calls).toEqual([])
    at.buffer.observeWindow(ADA, 'c', view(30, 10))
    await at.timers.advance(0)
    await expectFlushes(at, ['window'])
  })

  it('not for an unknown window, nor with windowAhead 0', async () => {
    for (const buffer of [{}, { windowAhead: 0 }]) {
      const at = setUp({ buffer })
      if ('windowAhead' in buffer) at.buffer.observeWindow(ADA, 'c', view(1, 2))
      for (let turn = 1; turn <= 20; turn++) await at.post(turn, 'I live in Leeds')
      await at.timers.advance(1000)
      expect(at.model.calls).toEqual([])
    }
  })

  it('for a window that another sidecar observed', async () => {
    const at = setUp()
    const other = new ObservedWindows(at.services.cache)
    other.set('n/ada', 'c', view(1, 3))
    await at.post(1, 'I live in Leeds')
    await at.post(2, 'I have a cat')
    await at.timers.advance(0)
    await expectFlushes(at, ['window'])
  })

  it('when a conversation ends, without its failed turns', async () => {
    const at = setUp()
    at.model.always(gibberish)
    await at.post(1, 'I live in Leeds')
    for (let i = 0; i < 5; i++) await at.buffer.flush(ADA)
    at.model.always(undefined)
    await at.post(2, 'I have a cat')
    await at.post(1, 'I speak Welsh', { conversationId: 'd' })
    const { events } = await at.buffer.endConversation(ADA, 'c')
    expect(events).toMatchObject([{ event: 'ADD', memory: 'Ada has a cat.' }])
    expect(flushes(at)).toEqual(['end'])
    expect(at.buffer.list(ADA)).toMatchObject([{ turn: 1 }, { conversation_id: 'd' }])
  })
})

describe('the rules of an app', () => {
  it('set triggers for the turns of the app only', async () => {
    const at = setUp({ countTokens: () => 100 })
    const { ruleBook } = at.services
    await ruleBook.put('n', 'eager', appRules.parse({ flush: { tokens: 150 } }))
    await ruleBook.put('n', 'lazy', appRules.parse({ flush: { idle_s: 3600, tokens: 16_384 } }))
    await at.post(1, 'I live in Leeds', { appId: 'eager', conversationId: 'e' })
    await at.post(1, 'I have a cat', { appId: 'lazy', conversationId: 'l' })
    await at.timers.advance(0)
    expect(at.model.calls).toEqual([])
    await at.post(2, 'I speak Welsh', { appId: 'eager', conversationId: 'e' })
    await at.timers.advance(0)
    await expectFlushes(at, ['tokens'])
    expect(await at.texts()).toEqual(['Ada lives in Leeds.', 'Ada speaks Welsh.', 'I have a cat'])
    await at.timers.advance(59 * MINUTE)
    expect(flushes(at)).toHaveLength(1)
    await at.timers.advance(MINUTE)
    await expectFlushes(at, ['tokens', 'idle'])
  })

  it('are stored with later turns', async () => {
    const at = setUp()
    await at.services.ruleBook.put('n', 'app', appRules.parse({ flush: { idle_s: 5, window_ahead: 0 } }))
    at.buffer.observeWindow(ADA, 'c', { turn: 2, windowSize: 2 })
    await at.post(1, 'I live in Leeds', { appId: 'app' })
    expect(at.timers.set()).toEqual([5000])
    expect(await at.pendingStored()).toMatchObject([
      { app_id: 'app', triggers: { idleMs: 5000, windowAhead: 0 } },
    ])
  })
})

describe('the trigger of a flush', () => {
  it('is stored with an extracted turn and with a failed attempt', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    await at.timers.advance(MINUTE)
    await until(() => flushes(at).length === 1)
    expect(await at.turnsStored()).toMatchObject([
      { state: 'done', learned: { because: 'idle', at: at.clock.now() } },
    ])
    at.model.always(unavailable('timeout'))
    await at.post(2, 'I have a cat')
    await at.buffer.flush(ADA)
    expect(await at.pendingStored()).toMatchObject([{ because: 'explicit', error: 'timeout' }])
  })
})

describe('many users', () => {
  it('are flushed four at a time and leave nothing in memory', async () => {
    const at = setUp({ countTokens: () => 2000 })
    const scopes = Array.from({ length: 50 }, (_, i) => ({ namespace: 'n', userId: `u${i}` }))
    at.model.always(async () => void (await turns(6)))
    for (const scope of scopes) await at.post(1, 'I live in Leeds', { scope })
    await at.timers.advance(0)
    await until(() => flushes(at).length === scopes.length)
    await quiet()
    expect(at.model.mostAtOnce).toBe(4)
    expect(at.buffer.size).toEqual({ scopes: 0, turns: 0 })
    expect(at.timers.set()).toEqual([])
  })

  it('share the concurrency limit batch by batch', async () => {
    const at = setUp({ countTokens: () => 16_000, buffer: { concurrency: 1, flushTokens: 16_384 } })
    const bob = { namespace: 'n', userId: 'bob' }
    for (const turn of [1, 2, 3]) await at.post(turn, 'I live in Leeds')
    await at.post(1, 'I have a cat', { scope: bob })
    await Promise.all([at.buffer.flush(ADA), at.buffer.flush(bob)])
    const extractions = at.model.calls.filter(({ purpose }) => purpose === 'extract')
    expect(extractions.map(({ account }) => account.scope)).toEqual(['n/ada', 'n/bob', 'n/ada', 'n/ada'])
  })

  it('are not blocked by one hanging model call', async () => {
    const at = setUp()
    const bob = { namespace: 'n', userId: 'bob' }
    await at.post(1, 'I live in Leeds')
    await at.post(1, 'I have a cat', { scope: bob })
    const { flushing, release } = await startFlush(at)
    await at.buffer.flush(bob)
    expect(await at.texts(bob)).toEqual(['Ada has a cat.'])
    release()
    await flushing
  })
})

it('a late flush does not release a scope that has new turns', async () => {
  const at = setUp({ buffer: { concurrency: 1 } })
  const bob = { namespace: 'n', userId: 'bob' }
  const [first, second] = [held(), held()]
  at.model.next(first.behaviour, second.behaviour)
  await at.post(1, 'I live in Leeds')
  await at.post(1, 'I have a cat', { scope: bob })
  const flushing = [at.buffer.flush(ADA)]
  await first.reached
  flushing.push(at.buffer.flush(bob), at.buffer.flush(ADA))
  first.release()
  await second.reached
  await at.post(2, 'I speak Welsh')
  second.release()
  await Promise.all(flushing)
  await quiet()
  expect(at.buffer.list(ADA)).toHaveLength((await at.pendingStored()).length)
})

it('flushes 59 turns with at most two model calls', async () => {
  const at = setUp()
  await at.post(1, 'I live in Leeds. I am a nurse')
  await at.buffer.flush(ADA)
  at.model.calls.length = 0
  const said = ['I moved to Porto', 'I am a potter', 'I have a cat', 'I play the cello', 'I speak Welsh']
  for (let turn = 2; turn <= 60; turn++) await at.post(turn, said[turn % said.length] as string)
  const { reason } = await at.buffer.flush(ADA)
  expect(reason).toBeNull()
  expect(at.model.calls.length).toBeLessThanOrEqual(2)
  expect(await at.texts()).toEqual([
    'Ada has a cat.',
    'Ada lives in Porto.',
    'Ada plays the cello.',
    'Ada speaks Welsh.',
    'Ada works as a potter.',
  ])
})
