import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessScopeState } from '../../../../sidecar/adapters/in-process/scope-state.ts'
import { type AnnouncerOptions, createAnnouncer } from '../../../../sidecar/memory/changes/announcer.ts'
import { createNoticeStore } from '../../../../sidecar/memory/changes/pending-notices.ts'
import { CacheUnavailable } from '../../../../sidecar/ports/cache-store.ts'
import { createLog } from '../../../../sidecar/ports/log.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import type { ScopeState } from '../../../../sidecar/ports/scope-state.ts'
import { stoppedClock } from '../../../helpers/clock.ts'
import { fakeTimers } from '../../../helpers/learning/buffer/timers.ts'
import { openMemoryRecords } from '../../../helpers/sqlite.ts'

const MINUTE = 60_000
/** As composed when several processes use one record store. */
const SHARED = { onUndeliverableRemoval: 'refuse', pollMs: 5000 } as const

/** Creates an announcer on a scope state that can be unreachable and records its calls. */
function setUp({
  records = openMemoryRecords(),
  maxPending = 100,
  ...options
}: Partial<AnnouncerOptions> & { records?: RecordStore } = {}) {
  const clock = stoppedClock()
  const timers = fakeTimers(clock)
  const inner = createInProcessScopeState({ maxEntries: 100, maxBytes: 100_000, now: clock.now })
  const delivered: string[] = []
  const lines: { level: string; event: string }[] = []
  const world = { away: false, tried: 0, during: async () => {} }
  async function reach<T>(what: string, scope: string, run: () => Promise<T>): Promise<T> {
    world.tried += 1
    await world.during()
    if (world.away) throw new CacheUnavailable('unreachable', 'redis at nowhere: away')
    delivered.push(`${what} ${scope}`)
    return await run()
  }
  const scopeState: ScopeState = {
    ...inner,
    bump: (scope, what) => reach(what, scope, () => inner.bump(scope, what)),
    clear: (scope) => reach('clear', scope, () => inner.clear(scope)),
  }
  const log = createLog('debug', (line) => lines.push(JSON.parse(line)))
  const notices = createNoticeStore(records)
  const announcer = createAnnouncer({ scopeState, notices, log, timers, maxPending, ...options })
  onTestFinished(() => announcer.close())
  const stored = () => Array.fromAsync(notices.all())
  const events = () => lines.map(({ event }) => event)
  return { announcer, timers, delivered, world, records, stored, events }
}

describe('the announcer', () => {
  it('moves the counter of each kind of change before the write is acknowledged', async () => {
    const { announcer, delivered } = setUp()
    await announcer.changed({ scope: 'a', fence: false })
    await announcer.beforeRemoval('a')
    await announcer.changed({ scope: 'a', fence: true })
    await announcer.changed({ scope: 'a', fence: true, forgotten: true })
    expect(delivered).toEqual(['epoch a', 'fence a', 'fence a', 'clear a'])
    expect(announcer.hasPendingNotices('a')).toBe(false)
  })

  it('announces the strongest missed change of each scope once, when the scope state is back', async () => {
    const { announcer, delivered, timers, world, stored, events } = setUp()
    world.away = true
    await announcer.beforeRemoval('a')
    await announcer.changed({ scope: 'a', fence: true })
    await announcer.changed({ scope: 'a', fence: false })
    await announcer.changed({ scope: 'b', fence: false })
    await announcer.changed({ scope: 'c', fence: false })
    await announcer.changed({ scope: 'c', fence: true, forgotten: true })
    await announcer.changed({ scope: 'c', fence: false })
    expect(['a', 'b', 'c', 'd'].map(announcer.hasPendingNotices)).toEqual([true, true, true, false])
    await timers.advance(10 * MINUTE)
    expect(delivered).toEqual([])
    expect(announcer.pendingScopes).toBe(3)
    world.away = false
    await timers.advance(MINUTE)
    expect(delivered.sort()).toEqual(['clear c', 'epoch b', 'fence a'])
    expect(['a', 'b', 'c'].some(announcer.hasPendingNotices)).toBe(false)
    expect(await stored()).toEqual([])
    expect(timers.set()).toEqual([])
    expect(events()).toEqual(['change notice not delivered, will be retried', 'all change notices delivered'])
  })

  it('announces again if another change arrived during the announcement', async () => {
    const { announcer, delivered, timers, world } = setUp()
    world.away = true
    await announcer.changed({ scope: 'a', fence: false })
    world.away = false
    world.during = async () => {
      world.during = async () => {}
      await announcer.changed({ scope: 'a', fence: true })
    }
    await timers.advance(MINUTE)
    expect(delivered).toEqual(['epoch a', 'fence a'])
    expect(announcer.hasPendingNotices('a')).toBe(false)
  })

  it('does not try the scope state on each write while it is known to be unreachable', async () => {
    const { announcer, world } = setUp()
    world.away = true
    await announcer.changed({ scope: 'a', fence: false })
    expect(world.tried).toBe(1)
    for (let i = 0; i < 10; i++) await announcer.changed({ scope: 'a', fence: true })
    expect(world.tried).toBe(1)
  })

  it('retries with backoff, at least every five seconds', async () => {
    const { announcer, timers, world } = setUp()
    world.away = true
    await announcer.changed({ scope: 'a', fence: false })
    await timers.advance(1000)
    expect(world.tried).toBeGreaterThan(2)
    const before = world.tried
    await timers.advance(10 * MINUTE)
    expect(world.tried - before).toBeGreaterThanOrEqual(120)
    expect(world.tried - before).toBeLessThanOrEqual(250)
  })

  it('tries once more when it closes', async () => {
    const { announcer, delivered, timers, world, events } = setUp()
    world.away = true
    await announcer.changed({ scope: 'a', fence: true })
    world.away = false
    await announcer.close()
    expect(delivered).toEqual(['fence a'])
    expect(timers.set()).toEqual([])
    const other = setUp()
    other.world.away = true
    await other.announcer.changed({ scope: 'a', fence: true })
    await other.announcer.close()
    expect(other.events().at(-1)).toBe('change notices will be delivered at the next start')
    expect(events()).not.toContain('change notices will be delivered at the next start')
  })

  it('persists missed changes, so that the next process announces them', async () => {
    const { announcer, world, records, stored } = setUp()
    world.away = true
    await announcer.beforeRemoval('a')
    await announcer.changed({ scope: 'a', fence: true })
    await announcer.changed({ scope: 'b', fence: false })
    await announcer.changed({ scope: 'b', fence: true, forgotten: true })
    await announcer.changed({ scope: 'b', fence: false })
    expect(await stored()).toHaveLength(3)
    const next = setUp({ records })
    next.world.away = true
    await next.announcer.start()
    expect(['a', 'b', 'c'].map(next.announcer.hasPendingNotices)).toEqual([true, true, false])
    next.world.away = false
    await next.timers.advance(MINUTE)
    expect(next.delivered.sort()).toEqual(['clear b', 'fence a'])
    expect(['a', 'b'].map(next.announcer.hasPendingNotices)).toEqual([false, false])
    expect(await stored()).toEqual([])
  })

  it('announces more scopes than it holds in memory, and reports pending notices for every scope until then', async () => {
    const { announcer, delivered, timers, world, stored } = setUp({ maxPending: 10 })
    world.away = true
    const scopes = Array.from({ length: 35 }, (_, i) => `s${i}`)
    for (const scope of scopes) await announcer.changed({ scope, fence: true })
    for (const scope of scopes) await announcer.changed({ scope, fence: false })
    expect(announcer.pendingScopes).toBe(10)
    expect(announcer.hasPendingNotices('another')).toBe(true)
    world.away = false
    await timers.advance(10 * MINUTE)
    expect(delivered.filter((one) => one.startsWith('fence')).sort()).toEqual(
      scopes.map((scope) => `fence ${scope}`).sort(),
    )
    expect(await stored()).toEqual([])
    expect(announcer.hasPendingNotices('another')).toBe(false)
  })

  it('announces missed changes even if they could not be persisted', async () => {
    const { announcer, delivered, timers, world, records, events } = setUp()
    await records.close()
    world.away = true
    await announcer.changed({ scope: 'a', fence: true })
    expect(events()).toContain('change notice not stored')
    world.away = false
    await timers.advance(MINUTE)
    expect(delivered).toEqual(['fence a'])
    expect(announcer.hasPendingNotices('a')).toBe(false)
  })
})

describe('the announcer with several processes on one record store', () => {
  it('refuses a removal that it cannot announce', async () => {
    const { announcer, world, delivered, stored } = setUp(SHARED)
    world.away = true
    await expect(announcer.beforeRemoval('a')).rejects.toMatchObject({
      code: 'backend_unavailable',
      retryAfterS: expect.any(Number),
    })
    expect(await stored()).toEqual([])
    world.away = false
    await announcer.beforeRemoval('a')
    expect(delivered).toEqual(['fence a'])
  })

  it('announces the missed changes of a process that died', async () => {
    const records = openMemoryRecords()
    const dead = setUp({ records, ...SHARED })
    const other = setUp({ records, ...SHARED })
    await other.announcer.start()
    dead.world.away = true
    await dead.announcer.changed({ scope: 'a', fence: true })
    expect(other.announcer.hasPendingNotices('a')).toBe(false)
    other.world.away = true
    await other.timers.advance(MINUTE / 6)
    expect(other.announcer.hasPendingNotices('a')).toBe(true)
    other.world.away = false
    await other.timers.advance(MINUTE)
    expect(other.delivered).toEqual(['fence a'])
    expect(other.announcer.hasPendingNotices('a')).toBe(false)
    expect(await other.stored()).toEqual([])
  })
})
