import { scopeKeys } from '../../sidecar/adapters/redis/keys.ts'
import { createRedisScopeState } from '../../sidecar/adapters/redis/scope-state.ts'
import type { ScopeState } from '../../sidecar/ports/scope-state.ts'
import type { Open } from '../contract/contract.ts'
import type { ScopeStateSubject } from '../contract/scope-state-subject.ts'
import { stoppedClock } from './clock.ts'
import { adminsOf, advancer, GRAIN_MS, redisOptions, type TestOptions } from './redis-subject.ts'

let opened = 0

/** Creates a scope state on Redis with timeouts for a busy machine. */
export function redisScopeState(url: string, options: TestOptions = {}): ScopeState {
  return createRedisScopeState(redisOptions(url, options))
}

/** The contract subject on a running Redis, with the connections of two processes. */
export function redisScopeSubject(url: () => string): Open<ScopeStateSubject> {
  return async () => {
    opened += 1
    const keyPrefix = `scopes-${opened}:`
    const { now, advance } = stoppedClock()
    const admins = await adminsOf(url())
    const [state, peer] = [
      redisScopeState(url(), { keyPrefix, now }),
      redisScopeState(url(), { keyPrefix, now }),
    ]
    return {
      subject: {
        state,
        peer,
        grainMs: GRAIN_MS,
        clock: { now, advance: advancer(advance, admins) },
        async evictCounters(scope) {
          const { counters } = scopeKeys(keyPrefix, scope)
          // Cluster nodes that do not own the slot answer MOVED.
          const deletions = await Promise.allSettled(admins.map((admin) => admin.del(counters)))
          if (!deletions.some(({ status }) => status === 'fulfilled')) throw new Error('no node owns the key')
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
