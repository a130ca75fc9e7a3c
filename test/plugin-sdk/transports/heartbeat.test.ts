import { describe, expect, it } from 'vitest'
import { startHeartbeat } from '../../../plugin-sdk/transports/transport.ts'
import { createManualTimers } from '../helpers.ts'

describe('heartbeat', () => {
  it('is skipped while a reader is stalled, and continues afterwards', async () => {
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

  it('ignores a closed connection', async () => {
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
