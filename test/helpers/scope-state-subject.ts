import type { Redis } from 'ioredis'
import type { RedisCacheOptions } from '../../sidecar/adapters/redis/cache.ts'
import { scopeKeys } from '../../sidecar/adapters/redis/scope-block.ts'
import { createRedisScopeState } from '../../sidecar/adapters/redis/scope-state.ts'
import { parseRedisUrl } from '../../sidecar/adapters/redis/url.ts'
import type { ScopeState } from '../../sidecar/ports/scope-state.ts'
import type { Open } from '../contract/contract.ts'
import { MAX_BYTES, type ScopeStateSubject } from '../contract/scope-state-subject.ts'
import { stoppedClock } from './clock.ts'
import { adminsOf, expireSooner } from './redis-subject.ts'

/** The clock of Redis cannot be stopped, so the cases move in steps much longer than a test. */
const GRAIN_MS = 60_000

let opened = 0

/** Creates a scope state on Redis with timeouts for a busy machine. */
export function redisScopeState(url: string, options: Partial<RedisCacheOptions> = {}): ScopeState {
  return createRedisScopeState({
    target: parseRedisUrl(url),
    keyPrefix: 'p:',
    timeoutMs: 5000,
    maxValueBytes: MAX_BYTES,
    ...options,
  })
}

/** The contract subject on a running Redis, with the connections of two processes. */
export function redisScopeSubject(url: () => string): Open<ScopeStateSubject> {
  return async () => {
    opened += 1
    const keyPrefix = `scopes-${opened}:`
    const clock = stoppedClock()
    const admins = await adminsOf(url())
    const options = { keyPrefix, now: clock.now }
    const [state, peer] = [redisScopeState(url(), options), redisScopeState(url(), options)]
    return {
      subject: {
        state,
        peer,
        grainMs: GRAIN_MS,
        clock: {
          now: clock.now,
          async advance(milliseconds) {
            clock.advance(milliseconds)
            for (const admin of admins) await expireSooner(admin, milliseconds)
          },
        },
        async evictCounters(scope) {
          await onOwner(admins, (admin) => admin.del(scopeKeys(keyPrefix, scope).counters))
        },
      },
      async close() {
        await state.close()
        await peer.close()
        for (const admin of admins) admin.disconnect()
      },
    }
  }
}

/** Runs a command on the cluster node that owns the slot of its key. */
async function onOwner<T>(
  admins: readonly Redis[],
  run: (admin: Redis) => Promise<T>,
): Promise<T | undefined> {
  for (const admin of admins) {
    try {
      return await run(admin)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('MOVED'))) throw error
    }
  }
  return undefined
}
