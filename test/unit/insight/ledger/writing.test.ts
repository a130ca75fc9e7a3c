import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { WriteFailure } from '../../../../sidecar/insight/write-behind.ts'
import { broken, entry, openLedger } from './helpers.ts'

/** Fakes the timer of the ledger only; the store keeps working. */
function stopTimers() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
}

/** Milliseconds that no other timer takes. */
const WRITE_EVERY_MS = 4321

/** Counts the pending timers of a ledger, by their delays: other modules of the worker may set timers, too. */
function countTimers(writeEveryMs: number): () => number {
  stopTimers()
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const pending = new Set<unknown>()
  // `vi.useRealTimers` undoes this, too.
  globalThis.setTimeout = ((run: () => void, delay: number) => {
    const timer = set(run, delay)
    if (delay % writeEveryMs === 0) pending.add(timer)
    return timer
  }) as typeof setTimeout
  globalThis.clearTimeout = (timer) => {
    pending.delete(timer)
    clear(timer)
  }
  return () => pending.size
}

describe('ledger rows', () => {
  it('contain only known fields of an entry', async () => {
    const { ledger, stored } = openLedger()
    const more = { messages: [{ content: 'my secret' }], apiKey: 'sk-secret', error: new Error('sk-secret') }
    ledger.record({ ...entry(), ...more } as never)
    await ledger.flush()
    const [record] = await stored()
    expect(JSON.stringify(record)).not.toContain('secret')
    expect(Object.keys(record?.payload ?? {}).join()).toBe(
      'at,user_id,conversation_id,turn,arm,purpose,model,tokens_in,tokens_out,tokens_cached,latency_ms,retries,outcome',
    )
  })

  it('are written in one batch after the interval', async () => {
    stopTimers()
    const { ledger, stored, faults } = openLedger()
    let commits = 0
    faults.commit = async (commit) => {
      commits += 1
      await commit()
    }
    for (let i = 0; i < 100; i++) ledger.record(entry())
    expect(await stored()).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(200)
    await ledger.flush()
    expect(await stored()).toHaveLength(100)
    expect(commits).toBe(1)
  })

  it('are retried with backoff while the store fails, and written after it recovers', async () => {
    stopTimers()
    const failures: WriteFailure[] = []
    const { ledger, stored, faults } = openLedger({ onFailure: (_error, failure) => failures.push(failure) })
    faults.commit = broken
    ledger.record(entry())
    await vi.advanceTimersByTimeAsync(200 + 400 + 800)
    expect(failures).toHaveLength(3)
    await vi.advanceTimersByTimeAsync(600_000)
    // Delays: 1.6, 3.2, 6.4, 12.8, 25.6 and then 30 seconds.
    expect(failures.length).toBeLessThan(30)
    expect(failures.length).toBeGreaterThan(20)
    expect(failures.at(-1)).toEqual({ pending: 1, lost: 0 })
    faults.commit = undefined
    await vi.advanceTimersByTimeAsync(30_000)
    await ledger.flush()
    expect(await stored()).toHaveLength(1)
    // The backoff is reset after a successful write.
    faults.commit = broken
    ledger.record(entry())
    const before = failures.length
    await vi.advanceTimersByTimeAsync(200)
    expect(failures.length).toBe(before + 1)
  })

  it('are dropped, oldest first, above maxPending', async () => {
    const failures: WriteFailure[] = []
    const { ledger, stored, faults } = openLedger({
      maxPending: 1000,
      onFailure: (_error, failure) => failures.push(failure),
    })
    faults.commit = broken
    for (let turn = 1; turn <= 1000 + 50; turn++) ledger.record(entry({ turn }))
    await ledger.flush()
    expect(failures.at(-1)).toEqual({ pending: 1000, lost: 50 })
    faults.commit = undefined
    await ledger.flush()
    const turns = (await stored()).map(({ payload }) => payload['turn'] as number)
    expect(turns).toHaveLength(1000)
    // The oldest were dropped.
    expect(Math.min(...turns)).toBe(51)
  })

  it('that cannot be written are counted, and are anonymised when their user is forgotten', async () => {
    const { ledger, faults } = openLedger()
    ledger.record(entry({ turn: 1 }))
    await ledger.flush()
    faults.commit = broken
    ledger.record(entry({ turn: 2 }))
    ledger.record(entry({ namespace: 'other' }))
    expect((await ledger.query('default')).totals.calls).toBe(2)
    expect((await ledger.query('default', { turn: 2 }, ['turn'])).groups).toHaveLength(1)
    await expect(ledger.forget({ namespace: 'default', userId: 'ada' })).rejects.toThrow('disk full')
    faults.commit = undefined
    await ledger.forget({ namespace: 'default', userId: 'ada' })
    expect((await ledger.query('default', {}, ['user'])).groups).toMatchObject([
      { key: { user: null }, calls: 2 },
    ])
  })

  it('never throw into the recorded call', async () => {
    const { ledger, faults } = openLedger({
      onFailure: () => {
        throw new Error('the log is full')
      },
    })
    faults.commit = () => {
      throw new Error('thrown, not rejected')
    }
    expect(() => ledger.record(entry())).not.toThrow()
    for (const scope of ['%E0%A4%A', 'default/%E0%A4%A', '', '/', 'default'])
      expect(() => ledger.record({ ...entry(), scope })).not.toThrow()
    await ledger.flush()
    faults.commit = undefined
    await ledger.flush()
    expect((await ledger.query('default')).totals.calls).toBe(2)
  })

  it('are all written on close, and ignored afterwards', async () => {
    const timers = countTimers(WRITE_EVERY_MS)
    const { ledger, stored } = openLedger({ writeEveryMs: WRITE_EVERY_MS })
    for (let i = 0; i < 1200; i++) ledger.record(entry())
    expect(timers()).toBe(1)
    await ledger.close()
    ledger.record(entry())
    expect(await stored()).toHaveLength(1200)
    expect(timers()).toBe(0)
  })

  it('leave no timer after close while the store fails', async () => {
    const timers = countTimers(WRITE_EVERY_MS)
    const { ledger, faults } = openLedger({ writeEveryMs: WRITE_EVERY_MS })
    faults.commit = broken
    ledger.record(entry())
    await ledger.flush()
    expect(timers()).toBe(1)
    await ledger.close()
    expect(timers()).toBe(0)
    // A later query starts no timer either.
    await ledger.query('default')
    expect(timers()).toBe(0)
  })

  it('are neither lost nor duplicated by any sequence of records, failures, queries and flushes', async () => {
    type Step = 'record' | 'flush' | 'query' | 'break' | 'lie' | 'mend'
    const step = fc.constantFrom<Step>('record', 'record', 'flush', 'query', 'break', 'lie', 'mend')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 40 }), async (steps) => {
        const { ledger, stored, faults } = openLedger()
        const open: Promise<unknown>[] = []
        let recorded = 0
        for (const [what, waits] of steps) {
          if (what === 'break') faults.commit = broken
          else if (what === 'mend') faults.commit = undefined
          else if (what === 'lie') faults.commit = async (commit) => await commit().then(broken)
          else if (what === 'flush') open.push(ledger.flush())
          else if (what === 'record') ledger.record(entry({ turn: ++recorded }))
          else {
            const expected = recorded
            open.push(
              ledger.query('default').then(({ totals }) => {
                expect(totals.calls).toBeGreaterThanOrEqual(expected)
                expect(totals.calls).toBeLessThanOrEqual(recorded)
              }),
            )
          }
          if (waits) await open.at(-1)
        }
        await Promise.all(open)
        faults.commit = undefined
        await ledger.flush()
        const turns = (await stored()).map(({ payload }) => Number(payload['turn'])).sort((a, b) => a - b)
        expect(turns).toEqual(Array.from({ length: recorded }, (_, i) => i + 1))
        expect((await ledger.query('default')).totals.calls).toBe(recorded)
      }),
      { numRuns: 100 },
    )
  })
})
