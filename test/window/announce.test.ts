import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessScopeState } from '../../sidecar/adapters/cache/in-process-scope-state.ts'
import { createLog } from '../../sidecar/log.ts'
import { CacheUnavailable } from '../../sidecar/ports/cache-store.ts'
import type { ScopeState } from '../../sidecar/ports/scope-state.ts'
import { createAnnouncer } from '../../sidecar/window/announce.ts'
import { fakeTimers } from '../buffer/timers.ts'
import { stoppedClock } from '../helpers/clock.ts'

const MINUTE = 60_000

/** A state that can be away, and takes down what it was told. */
function setUp() {
  const clock = stoppedClock()
  const timers = fakeTimers(clock)
  const honest = createInProcessScopeState({ maxEntries: 100, maxBytes: 100_000, now: clock.now })
  const told: string[] = []
  const lines: { level: string; event: string }[] = []
  const world = { away: false, tried: 0, during: async () => {} }
  async function reach<T>(what: string, scope: string, run: () => Promise<T>): Promise<T> {
    world.tried += 1
    await world.during()
    if (world.away) throw new CacheUnavailable('unreachable', 'redis at nowhere: away')
    told.push(`${what} ${scope}`)
    return await run()
  }
  const scopeState: ScopeState = {
    ...honest,
    bump: (scope, what) => reach(what, scope, () => honest.bump(scope, what)),
    clear: (scope) => reach('clear', scope, () => honest.clear(scope)),
  }
  const log = createLog('debug', (line) => lines.push(JSON.parse(line)))
  const announcer = createAnnouncer({ scopeState, log, timers })
  onTestFinished(() => announcer.close())
  return { announcer, timers, told, lines, world, events: () => lines.map(({ event }) => event) }
}

describe('changes are told to the scope state', () => {
  it('by what they are, before they are answered for', async () => {
    const { announcer, told } = setUp()
    await announcer.changed({ scope: 'a', fence: false })
    await announcer.beforeRemoval('a')
    await announcer.changed({ scope: 'a', fence: true })
    await announcer.changed({ scope: 'a', fence: true, forgotten: true })
    expect(told).toEqual(['epoch a', 'fence a', 'fence a', 'clear a'])
    expect(announcer.isSettled('a')).toBe(true)
  })

  it('when it is back, where it was away: the greatest that is owed to each scope, once', async () => {
    const { announcer, told, timers, world, events } = setUp()
    world.away = true
    await announcer.beforeRemoval('a')
    await announcer.changed({ scope: 'a', fence: true })
    await announcer.changed({ scope: 'a', fence: false })
    await announcer.changed({ scope: 'b', fence: false })
    await announcer.changed({ scope: 'c', fence: false })
    await announcer.changed({ scope: 'c', fence: true, forgotten: true })
    await announcer.changed({ scope: 'c', fence: false })
    expect(['a', 'b', 'c', 'd'].map(announcer.isSettled)).toEqual([false, false, false, true])
    await timers.advance(10 * MINUTE)
    expect(told).toEqual([])
    expect(announcer.owed).toBe(3)
    world.away = false
    await timers.advance(MINUTE)
    expect(told.sort()).toEqual(['clear c', 'epoch b', 'fence a'])
    expect(['a', 'b', 'c'].every(announcer.isSettled)).toBe(true)
    expect(timers.set()).toEqual([])
    expect(events()).toEqual([
      'changes not told to other sidecars yet',
      'all changes are told to other sidecars',
    ])
  })

  it('again, where another change came while the one before was being told', async () => {
    const { announcer, told, timers, world } = setUp()
    world.away = true
    await announcer.changed({ scope: 'a', fence: false })
    world.away = false
    world.during = async () => {
      world.during = async () => {}
      await announcer.changed({ scope: 'a', fence: true })
    }
    await timers.advance(MINUTE)
    expect(told).toEqual(['epoch a', 'fence a'])
    expect(announcer.isSettled('a')).toBe(true)
  })

  it('without a write waiting for a state that is known to be away', async () => {
    const { announcer, world } = setUp()
    world.away = true
    await announcer.changed({ scope: 'a', fence: false })
    expect(world.tried).toBe(1)
    for (let i = 0; i < 10; i++) await announcer.changed({ scope: 'a', fence: true })
    expect(world.tried).toBe(1)
  })

  it('less and less often, and at least every five seconds', async () => {
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

  it('once more at the end', async () => {
    const { announcer, told, timers, world, events } = setUp()
    world.away = true
    await announcer.changed({ scope: 'a', fence: true })
    world.away = false
    await announcer.close()
    expect(told).toEqual(['fence a'])
    expect(timers.set()).toEqual([])
    const other = setUp()
    other.world.away = true
    await other.announcer.changed({ scope: 'a', fence: true })
    await other.announcer.close()
    expect(other.events().at(-1)).toBe('changes never told to other sidecars')
    expect(events()).not.toContain('changes never told to other sidecars')
  })

  it('of so many scopes, and no more', async () => {
    const { announcer, world, events } = setUp()
    world.away = true
    await announcer.changed({ scope: 'first', fence: true })
    const scopes = Array.from({ length: 100_000 }, (_, i) => `s${i}`)
    await Promise.all(scopes.map((scope) => announcer.changed({ scope, fence: false })))
    expect(announcer.owed).toBe(100_000)
    expect(events()).toContain('a change is never told to other sidecars: too many are owed')
  })
})
