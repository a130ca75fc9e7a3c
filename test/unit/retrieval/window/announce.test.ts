import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessScopeState } from '../../../../sidecar/adapters/in-process/scope-state.ts'
import { openSqliteRecords } from '../../../../sidecar/adapters/sqlite/records.ts'
import { createAnnouncer } from '../../../../sidecar/memory/changes/announcer.ts'
import { createNoticeStore } from '../../../../sidecar/memory/changes/pending-notices.ts'
import { CacheUnavailable } from '../../../../sidecar/ports/cache-store.ts'
import { createLog } from '../../../../sidecar/ports/log.ts'
import type { ScopeState } from '../../../../sidecar/ports/scope-state.ts'
import { stoppedClock } from '../../../helpers/clock.ts'
import { fakeTimers } from '../../../helpers/learning/buffer/timers.ts'

const MINUTE = 60_000

/** Creates an announcer on a scope state that can be unreachable and records its calls. */
function setUp({ records = openSqliteRecords(':memory:'), maxUndelivered = 100, isShared = false } = {}) {
  const clock = stoppedClock()
  const timers = fakeTimers(clock)
  const honest = createInProcessScopeState({ maxEntries: 100, maxBytes: 100_000, now: clock.now })
  const delivered: string[] = []
  const lines: { level: string; event: string }[] = []
  const state = { away: false, tried: 0, during: async () => {} }
  async function reach<T>(what: string, scope: string, run: () => Promise<T>): Promise<T> {
    state.tried += 1
    await state.during()
    if (state.away) throw new CacheUnavailable('unreachable', 'redis at nowhere: away')
    delivered.push(`${what} ${scope}`)
    return await run()
  }
  const scopeState: ScopeState = {
    ...honest,
    bump: (scope, what) => reach(what, scope, () => honest.bump(scope, what)),
    clear: (scope) => reach('clear', scope, () => honest.clear(scope)),
  }
  const log = createLog('debug', (line) => lines.push(JSON.parse(line)))
  const notices = createNoticeStore(records)
  const announcer = createAnnouncer({ scopeState, notices, log, timers, maxUndelivered, isShared })
  onTestFinished(() => announcer.close())
  const stored = () => Array.fromAsync(notices.all())
  const events = () => lines.map(({ event }) => event)
  return { announcer, timers, delivered, state, records, stored, events }
}

describe('the announcer', () => {
  it('moves the counter of each kind of change before the write is acknowledged', async () => {
    const { announcer, delivered } = setUp()
    await announcer.changed({ scope: 'a', fence: false })
    await announcer.beforeRemoval('a')
    await announcer.changed({ scope: 'a', fence: true })
    await announcer.changed({ scope: 'a', fence: true, forgotten: true })
    expect(delivered).toEqual(['epoch a', 'fence a', 'fence a', 'clear a'])
    expect(announcer.hasUndelivered('a')).toBe(false)
  })

  it('announces the strongest missed change of each scope once, when the scope state is back', async () => {
    const { announcer, delivered, timers, state, stored, events } = setUp()
    state.away = true
    await announcer.beforeRemoval('a')
    await announcer.changed({ scope: 'a', fence: true })
    await announcer.changed({ scope: 'a', fence: false })
    await announcer.changed({ scope: 'b', fence: false })
    await announcer.changed({ scope: 'c', fence: false })
    await announcer.changed({ scope: 'c', fence: true, forgotten: true })
    await announcer.changed({ scope: 'c', fence: false })
    expect(['a', 'b', 'c', 'd'].map(announcer.hasUndelivered)).toEqual([true, true, true, false])
    await timers.advance(10 * MINUTE)
    expect(delivered).toEqual([])
    expect(announcer.undelivered).toBe(3)
    state.away = false
    await timers.advance(MINUTE)
    expect(delivered.sort()).toEqual(['clear c', 'epoch b', 'fence a'])
    expect(['a', 'b', 'c'].some(announcer.hasUndelivered)).toBe(false)
    expect(await stored()).toEqual([])
    expect(timers.set()).toEqual([])
    expect(events()).toEqual([
      'scope state unavailable, change notices are stored',
      'all change notices delivered',
    ])
  })

  it('announces again if another change arrived during the announcement', async () => {
    const { announcer, delivered, timers, state } = setUp()
    state.away = true
    await announcer.changed({ scope: 'a', fence: false })
    state.away = false
    state.during = async () => {
      state.during = async () => {}
      await announcer.changed({ scope: 'a', fence: true })
    }
    await timers.advance(MINUTE)
    expect(delivered).toEqual(['epoch a', 'fence a'])
    expect(announcer.hasUndelivered('a')).toBe(false)
  })

  it('does not try the scope state on each write while it is known to be unreachable', async () => {
    const { announcer, state } = setUp()
    state.away = true
    await announcer.changed({ scope: 'a', fence: false })
    expect(state.tried).toBe(1)
    for (let i = 0; i < 10; i++) await announcer.changed({ scope: 'a', fence: true })
    expect(state.tried).toBe(1)
  })

  it('retries with backoff, at least every five seconds', async () => {
    const { announcer, timers, state } = setUp()
    state.away = true
    await announcer.changed({ scope: 'a', fence: false })
    await timers.advance(1000)
    expect(state.tried).toBeGreaterThan(2)
    const before = state.tried
    await timers.advance(10 * MINUTE)
    expect(state.tried - before).toBeGreaterThanOrEqual(120)
    expect(state.tried - before).toBeLessThanOrEqual(250)
  })

  it('tries once more when it closes', async () => {
    const { announcer, delivered, timers, state, events } = setUp()
    state.away = true
    await announcer.changed({ scope: 'a', fence: true })
    state.away = false
    await announcer.close()
    expect(delivered).toEqual(['fence a'])
    expect(timers.set()).toEqual([])
    const other = setUp()
    other.state.away = true
    await other.announcer.changed({ scope: 'a', fence: true })
    await other.announcer.close()
    expect(other.events().at(-1)).toBe('change notices are delivered at the next start')
    expect(events()).not.toContain('change notices are delivered at the next start')
  })

  it('persists missed changes, so that the next process announces them', async () => {
    const { announcer, state, records, stored } = setUp()
    state.away = true
    await announcer.beforeRemoval('a')
    await announcer.changed({ scope: 'a', fence: true })
    await announcer.changed({ scope: 'b', fence: false })
    await announcer.changed({ scope: 'b', fence: true, forgotten: true })
    await announcer.changed({ scope: 'b', fence: false })
    expect(await stored()).toHaveLength(3)
    const next = setUp({ records })
    next.state.away = true
    await next.announcer.start()
    expect(['a', 'b', 'c'].map(next.announcer.hasUndelivered)).toEqual([true, true, false])
    next.state.away = false
    await next.timers.advance(MINUTE)
    expect(next.delivered.sort()).toEqual(['clear b', 'fence a'])
    expect(['a', 'b'].map(next.announcer.hasUndelivered)).toEqual([false, false])
    expect(await stored()).toEqual([])
  })

  it('announces more scopes than it holds in memory, and reports every scope as undelivered until then', async () => {
    const { announcer, delivered, timers, state, stored } = setUp({ maxUndelivered: 10 })
    state.away = true
    const scopes = Array.from({ length: 35 }, (_, i) => `s${i}`)
    for (const scope of scopes) await announcer.changed({ scope, fence: true })
    for (const scope of scopes) await announcer.changed({ scope, fence: false })
    expect(announcer.undelivered).toBe(10)
    expect(announcer.hasUndelivered('another')).toBe(true)
    state.away = false
    await timers.advance(10 * MINUTE)
    expect(delivered.filter((one) => one.startsWith('fence')).sort()).toEqual(
      scopes.map((scope) => `fence ${scope}`).sort(),
    )
    expect(await stored()).toEqual([])
    expect(announcer.hasUndelivered('another')).toBe(false)
  })

  it('announces missed changes even if they could not be persisted', async () => {
    const { announcer, delivered, timers, state, records, events } = setUp()
    await records.close()
    state.away = true
    await announcer.changed({ scope: 'a', fence: true })
    expect(events()).toContain('change notices not stored')
    state.away = false
    await timers.advance(MINUTE)
    expect(delivered).toEqual(['fence a'])
    expect(announcer.hasUndelivered('a')).toBe(false)
  })
})

describe('the announcer with several processes on one record store', () => {
  it('refuses a removal that it cannot announce', async () => {
    const { announcer, state, delivered, stored } = setUp({ isShared: true })
    state.away = true
    await expect(announcer.beforeRemoval('a')).rejects.toMatchObject({
      code: 'backend_unavailable',
      retryAfterS: expect.any(Number),
    })
    expect(await stored()).toEqual([])
    state.away = false
    await announcer.beforeRemoval('a')
    expect(delivered).toEqual(['fence a'])
  })

  it('announces the missed changes of a process that died', async () => {
    const records = openSqliteRecords(':memory:')
    const dead = setUp({ records, isShared: true })
    const other = setUp({ records, isShared: true })
    await other.announcer.start()
    dead.state.away = true
    await dead.announcer.changed({ scope: 'a', fence: true })
    expect(other.announcer.hasUndelivered('a')).toBe(false)
    other.state.away = true
    await other.timers.advance(MINUTE / 6)
    expect(other.announcer.hasUndelivered('a')).toBe(true)
    other.state.away = false
    await other.timers.advance(MINUTE)
    expect(other.delivered).toEqual(['fence a'])
    expect(other.announcer.hasUndelivered('a')).toBe(false)
    expect(await other.stored()).toEqual([])
  })
})
