import type { Hold, ScopeLock } from '../../ports/scope-lock.ts'

const ALONE: Hold = { assertHeld: async () => {} }

/** The lock of a process that alone writes to its store. Scopes without work take no memory. */
export function createInProcessScopeLock(): ScopeLock {
  const tails = new Map<string, Promise<unknown>>()
  return {
    kind: 'in-process',
    async run(scope, task) {
      const before = tails.get(scope) ?? Promise.resolve()
      const begin = () => task(ALONE)
      const mine = before.then(begin, begin)
      tails.set(scope, mine)
      try {
        return await mine
      } finally {
        if (tails.get(scope) === mine) tails.delete(scope)
      }
    },
    async drained() {
      await Promise.allSettled(tails.values())
    },
    async check() {},
    async close() {},
  }
}
