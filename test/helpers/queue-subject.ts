import { type BullmqQueueOptions, createBullmqQueue } from '../../sidecar/adapters/bullmq/queue.ts'
import { parseRedisUrl } from '../../sidecar/adapters/redis/url.ts'
import type { Queue } from '../../sidecar/ports/queue.ts'
import type { Open } from '../contract/contract.ts'
import { CONCURRENCY, type QueueSubject } from '../contract/queue-subject.ts'

let opened = 0

/** Opens a queue on Redis with defaults for tests: timeouts for a busy machine, and short leases. */
export function bullmqQueue(url: string, options: Partial<BullmqQueueOptions> = {}): Queue {
  return createBullmqQueue({
    target: parseRedisUrl(url),
    keyPrefix: 'p:',
    timeoutMs: 5000,
    concurrency: CONCURRENCY,
    leaseMs: 1500,
    drainMs: 200,
    retryDelayMs: () => 30,
    ...options,
  })
}

/** The contract subject on a running Redis. Each queue has its own connections, like a separate process. */
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
        // As after a crash, running jobs are abandoned and their leases expire.
        kill: (queue) => queue.close(),
      },
      async close() {
        await Promise.all(queues.map((queue) => queue.close()))
      },
    }
  }
}
