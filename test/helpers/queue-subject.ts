import { type BullmqQueueOptions, createBullmqQueue } from '../../sidecar/adapters/bullmq/queue.ts'
import type { Queue } from '../../sidecar/ports/queue.ts'
import { parseRedisUrl } from '../../sidecar/redis-url.ts'
import type { Open } from '../contracts/contract.ts'
import { CONCURRENCY, type QueueSubject } from '../contracts/queue-subject.ts'

let opened = 0

/** A queue on Redis with defaults for tests: time enough on a busy machine, and short leases. */
export function bullmqQueue(url: string, options: Partial<BullmqQueueOptions> = {}): Queue {
  return createBullmqQueue({
    target: parseRedisUrl(url),
    keyPrefix: 'p:',
    timeoutMs: 5000,
    concurrency: CONCURRENCY,
    leaseMs: 1500,
    drainMs: 200,
    pauseMs: () => 30,
    ...options,
  })
}

/** The subject of the contract on a running Redis: processes that share nothing but the server. */
export function bullmqSubject(url: () => string): Open<QueueSubject> {
  return async () => {
    opened += 1
    const keyPrefix = `queue-${opened}:`
    const queues: Queue[] = []
    return {
      subject: {
        async open() {
          const queue = bullmqQueue(url(), { keyPrefix })
          queues.push(queue)
          return queue
        },
        // Runs under way are left as they are, and their leases end: no more is seen of a process that died.
        kill: (queue) => queue.close(),
      },
      async close() {
        await Promise.all(queues.map((queue) => queue.close()))
      },
    }
  }
}
