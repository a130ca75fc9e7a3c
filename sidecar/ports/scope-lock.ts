/** The lock that a task holds. */
export interface Hold {
  /**
   * Must be awaited right before each commit: resolves when no other process can write to the scope.
   * @throws {AppError} `backend_unavailable` if the lock may be lost, for example after a long pause; do not commit then
   */
  assertHeld(): Promise<void>
}

/**
 * One writer per scope, across all processes that write to one record store.
 *
 * The contract suite checks for every adapter:
 * - Tasks of one scope run one after another, those of different scopes in parallel. Scopes are compared exactly.
 * - A task that rejects rejects only its own promise.
 *
 * And for adapters that share locks between processes:
 * - A lock is held while its task runs, and expires when the process dies or stalls.
 * - Commits that a holder left half done in the scope are completed before the next task runs.
 * - A task that does not get the lock in time is rejected and never runs.
 * - A process that keeps writing cannot starve the others.
 */
export interface ScopeLock {
  /** Name for logs: `in-process`, `redis`. */
  readonly kind: string
  /** @throws {AppError} `backend_unavailable` if the task did not start, because no lock was available in time */
  run<T>(scope: string, task: (hold: Hold) => Promise<T>): Promise<T>
  /** Resolves when all tasks that were added before the call have ended. */
  drained(): Promise<void>
  /** Resolves when locks are currently available. */
  check(): Promise<void>
  /** Call `drained` first. */
  close(): Promise<void>
}
