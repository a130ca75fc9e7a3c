/**
 * Does the work of a key. Answers when it wants to be run again, epoch milliseconds, or `null` when nothing is left to
 * do. `signal` is aborted when the run is given up: the process closes, or another one may have taken the run over.
 */
export type Run = (key: string, signal: AbortSignal) => Promise<number | null>

/**
 * Durable wake-ups: when the work of which key is to be done. What there is to do is not kept here; a run looks for
 * itself, and may find nothing. Keys are well-formed Unicode.
 *
 * What every adapter promises, and the contract suite checks:
 * - A wish that was kept leads to a run that begins at or after its time, in some process that works, also when the
 *   process that kept it dies. Wishes for a key that has not been run yet are one wish, the earliest.
 * - A key is run once at a time, whichever processes work, and keys are run side by side up to a bound per process. A
 *   wish that comes during a run leads to another one after it.
 * - A run that rejects is run again after a pause that grows; one whose process died, or gave it up, is run again by
 *   another within a bounded time. So a run may happen more than once, and must not mind.
 * - `close` begins no run, tells those under way to stop, and waits for them for a bounded time.
 *
 * A server may lose what it keeps (a flush, an eviction): the owner wishes anew, from time to time, for what it knows of.
 */
export interface Queue {
  /** For people: `sqlite`, `bullmq`. */
  readonly kind: string
  /**
   * Wishes for a run at or after a time, epoch milliseconds, which may have a fraction. When this resolves the wish is
   * kept.
   * Rejects with `QueueUnavailable`: then it may be kept or not.
   */
  schedule(key: string, at: number): Promise<void>
  /** Runs what falls due in this process, from now on. Called once. */
  work(run: Run): void
  /** Resolves when wishes can be kept just now. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Wishes cannot be kept just now; the message is for the operator. */
export class QueueUnavailable extends Error {
  override readonly name = 'QueueUnavailable'
}
