import type { Queue } from '../../sidecar/ports/queue.ts'

/** Runs at once in a process. */
export const CONCURRENCY = 3

/** Processes on one backend, of which each case opens as many as it needs. On the real clock. */
export interface QueueSubject {
  /** A process with a queue of its own on the backend. */
  open: () => Promise<Queue>
  /**
   * The process is gone, and what it ran with it: as after a `kill -9`, nothing it was about to do happens.
   * Without waiting for the runs under way.
   */
  kill: (queue: Queue) => Promise<void>
}
