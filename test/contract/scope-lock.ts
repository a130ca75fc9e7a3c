import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Hold, ScopeLock } from '../../sidecar/ports/scope-lock.ts'
import type { Case } from './contract.ts'
import { LEASE_MS, type ScopeLockSubject, WAIT_MS } from './scope-lock-subject.ts'

const REFUSED = { code: 'backend_unavailable', retryAfterS: expect.any(Number) }

/** Names that a careless adapter takes for one another. */
const ODD = [
  'a',
  'A',
  'a/b',
  'a%2Fb',
  'a:b',
  ' a',
  'a*',
  '*',
  '{a}',
  'a}b',
  'é',
  'e\u0301',
  'lock',
  'a/lock',
  '',
]

/** How long continuous writes of one process may delay another before the case fails, milliseconds. */
const PATIENCE_MS = 3000

/** Cases of any lock. */
export const SCOPE_LOCK_CASES: readonly Case<ScopeLockSubject>[] = [
  {
    name: 'runs tasks of one scope one after another, in all processes',
    async run({ lock, peer }) {
      let running = 0
      let most = 0
      let counted = 0
      const task = async () => {
        running += 1
        most = Math.max(most, running)
        const before = counted
        await setImmediate()
        counted = before + 1
        running -= 1
      }
      await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? lock : peer).run('s', task)))
      expect({ most, counted }).toEqual({ most: 1, counted: 40 })
    },
  },
  {
    name: 'runs the tasks of a process in order and resolves with their results',
    async run({ lock }) {
      const begun: number[] = []
      const answers = Array.from({ length: 10 }, (_, i) =>
        lock.run('s', async () => {
          begun.push(i)
          await setImmediate()
          return `answer ${i}`
        }),
      )
      expect(await Promise.all(answers)).toEqual(begun.map((i) => `answer ${i}`))
      expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    },
  },
  {
    name: 'runs tasks of different scopes concurrently and treats scopes as exact strings',
    async run({ lock, peer }) {
      const all = Promise.withResolvers<void>()
      let inside = 0
      const task = async () => {
        inside += 1
        if (inside === ODD.length) all.resolve()
        await all.promise
      }
      await Promise.all(ODD.map((scope, i) => (i % 2 ? lock : peer).run(scope, task)))
    },
  },
  {
    name: 'rejects only the promise of the task that rejects',
    async run({ lock, peer }) {
      const outcomes = await Promise.allSettled([
        lock.run('s', async () => 1),
        lock.run('s', async () => Promise.reject(new Error('disk full'))),
        lock.run('s', async () => 2),
        peer.run('s', async () => 3),
      ])
      expect(outcomes).toMatchObject([
        { value: 1 },
        { reason: { message: 'disk full' } },
        { value: 2 },
        { value: 3 },
      ])
    },
  },
  {
    name: 'is drained when all started tasks have ended',
    async run({ lock }) {
      const held = await hold(lock)
      const events: string[] = []
      const later = lock.run('s', async () => void events.push('later'))
      const drained = lock.drained().then(() => events.push('drained'))
      await setImmediate()
      held.end()
      await Promise.all([held.ended, later, drained])
      expect(events).toEqual(['later', 'drained'])
      await lock.drained()
    },
  },
]

/** Cases of a lock that processes share. */
export const SHARED_LOCK_CASES: readonly Case<ScopeLockSubject>[] = [
  {
    name: 'renews the lock while the task runs',
    async run({ lock, peer, advance }) {
      const held = await hold(lock)
      await advance(4 * LEASE_MS)
      let isInside = false
      const other = peer.run('s', async () => {
        isInside = true
      })
      await asked(peer)
      await held.hold.assertHeld()
      expect(isInside).toBe(false)
      held.end()
      await Promise.all([held.ended, other])
      expect(isInside).toBe(true)
    },
  },
  {
    name: 'expires the lock of a suspended process and rejects its commits',
    async run({ lock, peer, advance, freeze }) {
      const held = await hold(lock)
      freeze(true)
      await advance(LEASE_MS)
      let other: Held | undefined
      const begun = hold(peer).then((one) => {
        other = one
      })
      await begun
      await expect(held.hold.assertHeld()).rejects.toMatchObject(REFUSED)
      await other?.hold.assertHeld()
      other?.end()
      held.end()
      await held.ended
    },
  },
  {
    name: 'continues after a suspension in which no other process took the lock',
    async run({ lock, advance, freeze }) {
      const held = await hold(lock)
      freeze(true)
      await advance(LEASE_MS - 60_000)
      freeze(false)
      await held.hold.assertHeld()
      await advance(2 * LEASE_MS)
      await held.hold.assertHeld()
      held.end()
      await held.ended
    },
  },
  {
    name: 'never releases the lock of another process',
    async run({ lock, peer, advance, freeze }) {
      const late = await hold(lock)
      freeze(true)
      await advance(LEASE_MS)
      const held = await hold(peer)
      freeze(false)
      late.end()
      await late.ended
      await lock.drained()
      let isInside = false
      const third = lock.run('s', async () => {
        isInside = true
      })
      await asked(lock)
      expect(isInside).toBe(false)
      await held.hold.assertHeld()
      held.end()
      await third
    },
  },
  {
    name: 'recovers after a dead holder once, before the next task',
    async run({ lock, peer, advance, freeze, takeOvers }) {
      await lock.run('s', async () => {})
      takeOvers.length = 0
      const held = await hold(lock)
      freeze(true)
      await advance(LEASE_MS)
      await peer.run('s', async () => {
        expect(takeOvers).toEqual([{ scope: 's', left: 'unfinished' }])
      })
      await peer.run('s', async () => {})
      expect(takeOvers).toHaveLength(1)
      held.end()
      await held.ended
    },
  },
  {
    name: 'recovers nothing after a release in good order, and reports an unknown state',
    async run({ lock, peer, takeOvers }) {
      await lock.run('s', async ({ assertHeld }) => assertHeld())
      expect(takeOvers).toEqual([{ scope: 's', left: 'unknown' }])
      await lock.drained()
      await peer.run('s', async () => {})
      await lock.run('s', async () => Promise.reject(new Error('not found'))).catch(() => {})
      await lock.drained()
      await peer.run('s', async () => {})
      expect(takeOvers).toHaveLength(1)
    },
  },
  {
    name: 'recovers after a failed commit',
    async run({ lock, peer, takeOvers }) {
      const failing = lock.run('s', async ({ assertHeld }) => {
        await assertHeld()
        throw new Error('no answer')
      })
      await expect(failing).rejects.toThrow('no answer')
      await lock.drained()
      takeOvers.length = 0
      await peer.run('s', async () => {})
      expect(takeOvers).toEqual([{ scope: 's', left: 'unfinished' }])
    },
  },
  {
    name: 'rejects tasks while recovery fails, and retries it',
    async run({ lock, peer, failing, takeOvers, advance, freeze }) {
      await lock.run('s', async () => {})
      const held = await hold(lock)
      freeze(true)
      await advance(LEASE_MS)
      failing.takeOver = true
      let runs = 0
      const task = async () => {
        runs += 1
      }
      await expect(peer.run('s', task)).rejects.toMatchObject(REFUSED)
      failing.takeOver = false
      takeOvers.length = 0
      await peer.drained()
      await peer.run('s', task)
      expect({ runs, takeOvers }).toEqual({ runs: 1, takeOvers: [{ scope: 's', left: 'unfinished' }] })
      held.end()
      await held.ended
    },
  },
  {
    name: 'rejects a task that waits too long and never runs it',
    async run({ lock, peer, advance }) {
      const held = await hold(lock)
      const ran: string[] = []
      const own = lock.run('s', async () => void ran.push('own'))
      const others = peer.run('s', async () => void ran.push('others'))
      const outcomes = Promise.allSettled([own, others])
      await asked(peer)
      await advance(WAIT_MS)
      const refused = { status: 'rejected', reason: expect.objectContaining(REFUSED) }
      expect(await outcomes).toEqual([refused, refused])
      held.end()
      await held.ended
      await peer.run('s', async () => {})
      await lock.run('s', async () => {})
      expect(ran).toEqual([])
    },
  },
  {
    name: 'does not starve a process while another writes continuously',
    async run({ lock, peer }) {
      const end = performance.now() + PATIENCE_MS
      let isOver = false
      const keepWriting = async () => {
        while (!isOver && performance.now() < end) await lock.run('s', () => setImmediate())
      }
      const writers = Promise.all([keepWriting(), keepWriting(), keepWriting()])
      const other = peer
        .run('s', async () => performance.now())
        .finally(() => {
          isOver = true
        })
      await writers
      expect(await other).toBeLessThan(end)
    },
  },
]

interface Held {
  hold: Hold
  end: () => void
  ended: Promise<void>
}

/** Takes the lock of `s`, and keeps it. */
async function hold(lock: ScopeLock): Promise<Held> {
  const { promise, resolve: end } = Promise.withResolvers<void>()
  const inside = Promise.withResolvers<Hold>()
  const ended = lock.run('s', async (one) => {
    inside.resolve(one)
    await promise
  })
  ended.catch(inside.reject)
  return { hold: await inside.promise, end, ended }
}

/** Resolves when what this process asked for before has been looked at. */
async function asked(lock: ScopeLock): Promise<void> {
  await lock.run('another', async () => {})
  await setImmediate()
}
