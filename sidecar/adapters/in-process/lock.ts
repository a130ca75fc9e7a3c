import type { Hold, ScopeLock } from '../../ports/scope-lock.ts'
import { KeyedQueue } from '../common/keyed-queue.ts'

const HELD: Hold = { assertHeld: async () => {} }

/** The lock for a process that is the only writer of its store. */
export function createInProcessScopeLock(): ScopeLock {
  const queue = new KeyedQueue()
  return {
    kind: 'in-process',
    run: (scope, task) => queue.add(scope, () => task(HELD)),
    drained: () => queue.idle(),
    async check() {},
    async close() {},
  }
}
