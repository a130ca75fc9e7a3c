import { describe, expect, it } from 'vitest'
import { startHeartbeat } from '../../../plugin-sdk/transports/heartbeat.ts'
import { createManualTimers } from '../helpers.ts'

describe('heartbeat', () => {
  it('does not pile up for a reader that has stopped, and goes on when it reads again', async () => {
    const timers = createManualTimers()
    const waiting: PromiseWithResolvers<void>[] = []
    const stop = startHeartbeat(
      () => {
        const sent = Promise.withResolvers<void>()
        waiting.push(sent)
        return sent.promise
      },
      timers,
      10_000,
    )
    timers.advance(500_000)
    expect(waiting).toHaveLength(1)
    waiting[0]?.resolve()
    await new Promise(setImmediate)
    timers.advance(10_000)
    expect(waiting).toHaveLength(2)
    stop()
    expect(timers.pending).toBe(0)
  })

  it('does not mind a closed connection', async () => {
    const timers = createManualTimers()
    let beats = 0
    startHeartbeat(async () => {
      beats += 1
      throw new Error('closed')
    }, timers)
    await new Promise(setImmediate)
    timers.advance(10_000)
    await new Promise(setImmediate)
    expect(beats).toBe(2)
  })
})
