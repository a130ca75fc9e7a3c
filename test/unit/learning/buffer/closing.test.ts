import { describe, expect, it } from 'vitest'
import { ADA, setUp, startFlush } from '../../../helpers/learning/buffer/helpers.ts'

const BOB = { namespace: 'n', userId: 'bob' }

describe('close', () => {
  it('waits for a running flush and starts no other', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    await at.post(1, 'I have a cat', { scope: BOB })
    const { flushing, release } = await startFlush(at)
    const closing = at.buffer.close()
    expect(await at.buffer.flush(BOB)).toEqual({ events: [], reason: 'closing' })
    const asked = at.model.batches().length
    release()
    expect(await flushing).toMatchObject({ reason: null, events: [{ memory: 'Ada lives in Leeds.' }] })
    await closing
    expect(at.model.batches()).toHaveLength(asked)
    expect(await at.texts()).toEqual(['Ada lives in Leeds.'])
    expect((await at.pendingStored()).map(({ scope }) => scope)).toEqual(['n/bob'])
  })

  it('keeps later batches of a running flush pending', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds', { agentId: 'one' })
    await at.post(2, 'I have a cat', { agentId: 'two' })
    const { flushing, release } = await startFlush(at)
    const closing = at.buffer.close()
    release()
    expect(await flushing).toMatchObject({ reason: 'closing', events: [{ memory: 'Ada lives in Leeds.' }] })
    await closing
    expect((await at.pendingStored()).map(({ turn }) => turn)).toEqual([2])
  })

  it('keeps the turns of a queued flush pending', async () => {
    const at = setUp({ buffer: { concurrency: 1 } })
    await at.post(1, 'I live in Leeds')
    await at.post(1, 'I have a cat', { scope: BOB })
    const { flushing: first, release } = await startFlush(at)
    const second = at.buffer.flush(BOB)
    const closing = at.buffer.close()
    release()
    expect((await first).reason).toBe(null)
    expect((await second).reason).toBe('closing')
    await closing
    expect(at.model.batches()).toHaveLength(1)
  })

  it('cancels a flush after five seconds and keeps its turns pending', async () => {
    const at = setUp()
    await at.post(1, 'I live in Leeds')
    const { flushing } = await startFlush(at)
    let isClosed = false
    const closing = at.buffer.close().then(() => {
      isClosed = true
    })
    await at.timers.advance(4999)
    expect(isClosed).toBe(false)
    await at.timers.advance(1)
    await closing
    expect(await flushing).toMatchObject({ reason: 'closing' })
    const next = await at.restart()
    expect(next.buffer.list(ADA)).toMatchObject([{ attempts: 0, error: null }])
    await next.buffer.flush(ADA)
    expect(await next.texts()).toEqual(['Ada lives in Leeds.'])
  })
})
