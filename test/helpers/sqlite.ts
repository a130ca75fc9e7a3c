import { EventEmitter } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { SqliteClient } from '../../sidecar/adapters/sqlite/client.ts'
import type { Request } from '../../sidecar/adapters/sqlite/messages.ts'
import { openSqliteQueue, type SqliteQueueOptions } from '../../sidecar/adapters/sqlite/queue.ts'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import { answerRequests } from '../../sidecar/adapters/sqlite/requests.ts'
import type { Queue } from '../../sidecar/ports/queue.ts'
import type { RecordStore } from '../../sidecar/ports/records.ts'

// Tests with fake timers replace the global.
const { setImmediate } = globalThis

/**
 * Answers the requests of an event loop turn together in the next turn, as the worker thread does, without its messages:
 * they take a quarter of the CPU time of a test. The tests of `test/e2e/adapters` use the thread.
 */
class SqliteInProcess extends EventEmitter {
  #requests: Request[] = []

  postMessage(request: Request): void {
    if (this.#requests.push(structuredClone(request)) === 1) setImmediate(() => this.#answer())
  }

  #answer(): void {
    const requests = this.#requests
    this.#requests = []
    for (const answers of answerRequests(requests)) this.emit('message', answers)
  }

  ref(): void {}
  unref(): void {}
}

/** The SQLite of the test process. */
export const sqliteInProcess = new SqliteClient(new SqliteInProcess() as unknown as Worker)

/** Opens a store in memory. */
export function openMemoryRecords(): RecordStore {
  return openSqliteRecords(':memory:', { client: sqliteInProcess })
}

/** Opens a queue in memory. */
export function openMemoryQueue(options: Omit<SqliteQueueOptions, 'path' | 'client' | 'concurrency'>): Queue {
  return openSqliteQueue({ path: ':memory:', concurrency: 64, client: sqliteInProcess, ...options })
}
