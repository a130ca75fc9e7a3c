import pTimeout from 'p-timeout'
import { AppError } from '../../ports/errors.ts'

/** What a read covers: one scope, or the list of all scopes. */
export type Coverage = string | typeof EVERY_SCOPE

const PENDING =
  'An earlier write to this scope is not carried out yet; the record store retries it. Retry later.'

export const EVERY_SCOPE = Symbol('every scope')

export type ScopeGate = ReturnType<typeof openScopeGate>

/**
 * A read-write lock per scope: a write that changes several points excludes readers of its scopes.
 * @param timeoutMs how long a read waits for a write
 */
export function openScopeGate(timeoutMs: number) {
  let write: { coverage: ReadonlySet<Coverage>; done: Promise<void> } | undefined
  const readers = new Map<Coverage, number>()
  let onReaderLeft = () => {}

  async function untilOpen(coverage: Coverage): Promise<void> {
    while (write?.coverage.has(coverage)) await write.done
  }

  return {
    /** Runs `read` when no write is active on the coverage; rejects after `timeoutMs`. */
    async read<T>(coverage: Coverage, read: () => Promise<T>): Promise<T> {
      if (write?.coverage.has(coverage)) {
        await pTimeout(untilOpen(coverage), {
          milliseconds: timeoutMs,
          message: new AppError('backend_unavailable', PENDING),
        })
        // The promise settles a microtask later, in which another write may have started.
        await untilOpen(coverage)
      }
      readers.set(coverage, (readers.get(coverage) ?? 0) + 1)
      try {
        return await read()
      } finally {
        const left = (readers.get(coverage) as number) - 1
        if (left === 0) readers.delete(coverage)
        else readers.set(coverage, left)
        onReaderLeft()
      }
    },
    /** Resolves when the scopes have no readers, with a function that admits readers again. One write at a time. */
    async close(scopes: Iterable<string>): Promise<() => void> {
      const { promise: done, resolve } = Promise.withResolvers<void>()
      const coverage = new Set<Coverage>([...scopes, EVERY_SCOPE])
      write = { coverage, done }
      while (coverage.values().some((one) => readers.has(one))) {
        await new Promise<void>((wake) => {
          onReaderLeft = wake
        })
      }
      return () => {
        write = undefined
        resolve()
      }
    },
  }
}
