/** What a task knows of the lock that it runs under. */
export interface Hold {
  /**
   * To be awaited right before each commit: it is certain that nobody else writes to the scope meanwhile.
   * @throws {AppError} `backend_unavailable` where it is not, as for a process that stood still for too long; then
   * nothing may be stored
   */
  assertHeld(): Promise<void>
}

/**
 * One writer per scope, over all processes that write to one record store.
 *
 * What every adapter promises, and the contract suite checks:
 * - Tasks of one scope run one after another, those of different scopes side by side. Scopes are taken exactly as they
 *   are.
 * - A task that rejects rejects its own promise only.
 *
 * Where processes share a lock:
 * - It is kept for as long as the task runs, and ends by itself when the process dies or stands still.
 * - What a holder did not finish in the scope is finished before the next task runs.
 * - A task that does not come to its turn in time is refused, and never runs.
 * - Nobody who keeps writing keeps others from it for ever.
 */
export interface ScopeLock {
  /** For people: `in-process`, `redis`. */
  readonly kind: string
  /** @throws {AppError} `backend_unavailable` when the task was not begun: it waited too long, or no lock was to be had */
  run<T>(scope: string, task: (hold: Hold) => Promise<T>): Promise<T>
  /** Resolves when all that was under way at the call has ended. */
  drained(): Promise<void>
  /** Resolves when locks are to be had just now. */
  check(): Promise<void>
  /** After the last task: `drained` first. */
  close(): Promise<void>
}
