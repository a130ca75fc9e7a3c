import { connectRedis, type RedisConnection } from '../../sidecar/adapters/redis/connection.ts'
import { createRedisScopeLock } from '../../sidecar/adapters/redis/lock.ts'
import { parseRedisUrl } from '../../sidecar/adapters/redis/url.ts'
import type { Open } from '../contract/contract.ts'
import { COMMIT_MS, LEASE_MS, type ScopeLockSubject, WAIT_MS } from '../contract/scope-lock-subject.ts'
import { adminsOf, expireSooner } from './redis-subject.ts'

const STEP_MS = 60_000

/** Timers up to this length (polling pauses) run in real time; longer ones fire only through `advance`. */
const REAL_TIMER_MAX_MS = 1000

/** The time of one process: real time plus what `advance` adds. */
function processTime() {
  const set = new Map<object, { at: number; run: () => void }>()
  let ahead = 0
  const now = () => performance.now() + ahead
  const time = {
    now,
    isFrozen: false,
    timers: {
      setTimeout(run: () => void, ms: number) {
        if (ms < REAL_TIMER_MAX_MS) return setTimeout(run, ms)
        const timer = { unref: () => timer }
        set.set(timer, { at: now() + ms, run })
        return timer
      },
      clearTimeout(timer: object | undefined) {
        if (timer && !set.delete(timer)) clearTimeout(timer as NodeJS.Timeout)
      },
    } as unknown as Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>,
    advance(ms: number) {
      ahead += ms
      if (time.isFrozen) return
      for (const [timer, { at, run }] of [...set]) if (at <= now() && set.delete(timer)) run()
    },
  }
  return time
}

/** A connection with `idle`, which resolves when every command has been answered. */
function watched(connection: RedisConnection): RedisConnection & { idle: () => Promise<void> } {
  const asked = new Set<Promise<unknown>>()
  return {
    kind: connection.kind,
    run(command) {
      const answer = connection.run(command)
      const over = answer.catch(() => {}).finally(() => asked.delete(over))
      asked.add(over)
      return answer
    },
    get interruptions() {
      return connection.interruptions
    },
    close: () => connection.close(),
    idle: async () => void (await Promise.all(asked)),
  }
}

let opened = 0

/** The contract subject on a running Redis, with the connections of two processes. */
export function redisLockSubject(url: () => string): Open<ScopeLockSubject> {
  return async () => {
    opened += 1
    const keyPrefix = `locks-${opened}:`
    const target = parseRedisUrl(url())
    const admins = await adminsOf(url())
    const takeOvers: ScopeLockSubject['takeOvers'] = []
    const failing = { takeOver: false }
    const [own, other] = [processTime(), processTime()]
    const connections = [watched(connectRedis(target, 5000)), watched(connectRedis(target, 5000))] as const
    const open = (time: ReturnType<typeof processTime>, connection: RedisConnection) =>
      createRedisScopeLock({
        keyPrefix,
        connection,
        leaseMs: LEASE_MS,
        commitMs: COMMIT_MS,
        waitMs: WAIT_MS,
        timers: time.timers,
        now: time.now,
        async takeOver(scope, left) {
          if (failing.takeOver) throw new Error('the store is unreachable')
          takeOvers.push({ scope, left })
        },
      })
    const [lock, peer] = [open(own, connections[0]), open(other, connections[1])]
    return {
      subject: {
        lock,
        peer,
        takeOvers,
        failing,
        freeze: (isFrozen) => {
          own.isFrozen = isFrozen
        },
        async advance(milliseconds) {
          for (let left = milliseconds; left > 0; left -= STEP_MS) {
            const step = Math.min(STEP_MS, left)
            for (const admin of admins) await expireSooner(admin, step)
            for (const time of [own, other]) time.advance(step)
            for (const connection of connections) await connection.idle()
          }
        },
      },
      async close() {
        await lock.close()
        await peer.close()
        for (const admin of admins) admin.disconnect()
      },
    }
  }
}
