import { type BullmqQueueOptions, createBullmqQueue } from '../../sidecar/adapters/bullmq/queue.ts'
import { connectRedis } from '../../sidecar/adapters/redis/connection.ts'
import { parseRedisUrl } from '../../sidecar/adapters/redis/url.ts'
import type { Queue } from '../../sidecar/ports/queue.ts'
import type { Open } from '../contract/contract.ts'
import { CONCURRENCY, type QueueSubject } from '../contract/queue-subject.ts'

let opened = 0

/** Opens a queue on Redis with defaults for tests: timeouts for a busy machine, and short leases. */
export function bullmqQueue(url: string, options: Partial<BullmqQueueOptions> = {}): Queue {
  const target = parseRedisUrl(url)
  const { timeoutMs = 5000 } = options
  const connection = connectRedis(target, timeoutMs)
  const queue = createBullmqQueue({
    target,
    connection,
    keyPrefix: 'p:',
    timeoutMs,
    concurrency: CONCURRENCY,
    leaseMs: 1500,
    drainMs: 200,
    retryDelayMs: () => 30,
    ...options,
  })
  return {
    ...queue,
    async close() {
      await queue.close()
      connection.close()
    },
  }
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
