import { describe, expect, it } from 'vitest'
import { startHeartbeat } from '../../../../plugin-sdk/transports/transport.ts'
import { createManualTimers } from '../../../helpers/plugin-sdk/helpers.ts'

describe('heartbeat', () => {
  it('is skipped while a reader is stalled, and continues afterwards', async () => {
    const timers = createManualTimers()
    const written = Promise.withResolvers<void>()
    let sent = 0
    const send = () => (++sent === 1 ? written.promise : Promise.resolve())
    const stop = startHeartbeat(send, timers, 10_000)
    timers.advance(500_000)
    expect(sent).toBe(1)
    written.resolve()
    await new Promise(setImmediate)
    timers.advance(10_000)
    expect(sent).toBe(2)
    stop()
    expect(timers.pending).toBe(0)
  })

  it('ignores a closed connection', async () => {
    const timers = createManualTimers()
    let sent = 0
    startHeartbeat(async () => {
      sent += 1
      throw new Error('closed')
    }, timers)
    await new Promise(setImmediate)
    timers.advance(10_000)
    await new Promise(setImmediate)
    expect(sent).toBe(2)
  })
})
