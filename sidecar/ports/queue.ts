/**
 * Runs the job of a key. Returns when the key must run again (epoch milliseconds), or `null`. `signal` is aborted when
 * the process closes, or when another process may have taken over the run.
 */
export type Run = (key: string, signal: AbortSignal) => Promise<number | null>

/**
 * A durable schedule of keys. It stores no payload: a run finds out itself what there is to do. Keys are well-formed
 * Unicode.
 *
 * The contract suite checks for every adapter:
 * - An accepted schedule leads to a run at or after its time in some working process, also when the process that
 *   scheduled it dies. Schedules of a key that has not run yet are merged into the earliest one.
 * - A key has one run at a time across processes; keys run in parallel up to a limit per process. A schedule during a
 *   run leads to another run after it.
 * - A run that rejects is retried after a growing delay; a run whose process died or stalled is repeated by another
 *   process within a bounded time. Runs must therefore be idempotent.
 * - `close` starts no run, aborts the running ones, and waits for them for a bounded time.
 *
 * A server may lose its schedule (flush, eviction), so the owner reschedules from time to time.
 */
export interface Queue {
  /** Name for logs: `sqlite`, `bullmq`. */
  readonly kind: string
  /**
   * Schedules a run at or after a time, epoch milliseconds (may have a fraction). The schedule is durable when this
   * resolves; it may be when this rejects with `QueueUnavailable`.
   */
  schedule(key: string, at: number): Promise<void>
  /** Starts to run due keys in this process. Called once. */
  work(run: Run): void
  /** Resolves when keys can currently be scheduled. */
  check(): Promise<void>
  close(): Promise<void>
}

/** The schedule cannot be stored; the message is for the operator. */
export class QueueUnavailable extends Error {
  override readonly name = 'QueueUnavailable'
}
