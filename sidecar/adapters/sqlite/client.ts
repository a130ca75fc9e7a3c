import { Worker } from 'node:worker_threads'
import PQueue from 'p-queue'
import { AppError } from '../../ports/errors.ts'
import { addUnlessAborted } from '../../text/workers/queue.ts'
import type { Answer, Kind, Request } from './messages.ts'

/**
 * Reads of a file that the worker thread has at once. The others wait in this thread, where those of a client that has
 * disconnected are dropped. Writes do not wait, so that one transaction takes as many as possible.
 */
const MAX_READS = 32

/** The main thread's side of the worker thread that runs SQLite. */
export class SqliteClient {
  readonly worker: Worker
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>()
  #lastRequest = 0
  #lastFile = 0
  /** Set once the thread has stopped: nothing can be read or written before a restart. */
  #failure: AppError | undefined

  constructor(worker = startWorker()) {
    this.worker = worker
    // Only pending requests keep the process alive, open files do not.
    this.worker.unref()
    this.worker.on('message', (answers: readonly Answer[]) => this.#settle(answers))
    this.worker.on('error', (cause) => this.#fail(cause))
    this.worker.on('exit', (code) => this.#fail(new Error(`exit code ${code}`)))
  }

  /** Number of requests without an answer. */
  get pending(): number {
    return this.#pending.size
  }

  /** Opens a file in the worker thread. Requests are processed in the order of the calls. */
  open(kind: Kind, path: string, options: object = {}) {
    this.#lastFile += 1
    const file = this.#lastFile
    const reads = new PQueue({ concurrency: MAX_READS })
    let closing: Promise<unknown> | undefined
    // Every later call reports a file that cannot be opened.
    this.#request(file, 'open', [kind, path, options]).catch(() => {})
    return {
      /** Rejects with the error of SQLite, or with the reason why the file could not be opened. */
      call: (operation: string, ...args: readonly unknown[]) => this.#request(file, operation, args),
      /** As `call`, for a read. One whose signal is aborted while it waits is not started, and rejects with the reason. */
      read: async (signal: AbortSignal | undefined, operation: string, ...args: readonly unknown[]) =>
        await addUnlessAborted(reads, () => this.#request(file, operation, args), signal),
      /** Resolves when earlier calls are processed and the file is closed. */
      close: async () => {
        closing ??= reads.onIdle().then(async () => await this.#request(file, 'close', []))
        await closing
      },
    }
  }

  async #request(file: number, operation: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#failure) throw this.#failure
    this.#lastRequest += 1
    const request: Request = { id: this.#lastRequest, file, operation, args }
    this.worker.postMessage(request)
    const answered = Promise.withResolvers<unknown>()
    this.#pending.set(request.id, answered)
    this.worker.ref()
    return await answered.promise
  }

  #settle(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const request = this.#pending.get(answer.id)
      this.#pending.delete(answer.id)
      if ('value' in answer) request?.resolve(answer.value)
      else request?.reject(Object.assign(new Error(answer.failure.message), answer.failure))
    }
    if (this.#pending.size === 0) this.worker.unref()
  }

  #fail(cause: Error): void {
    if (this.#failure) return
    const message = `The SQLite thread has stopped (${cause.message}); the store can be used again after a restart.`
    this.#failure = new AppError('backend_unavailable', message, { cause })
    for (const { reject } of this.#pending.values()) reject(this.#failure)
    this.#pending.clear()
  }
}

function startWorker(): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), {
    name: 'sqlite',
    // Without the flags of the process, some of which a worker does not accept.
    execArgv: [],
    // Requests and answers live shortly. V8 would give them 200 MB.
    resourceLimits: { maxYoungGenerationSizeMb: 48 },
  })
}

let shared: SqliteClient | undefined

/** The one client of this process. */
export function sqliteClient(): SqliteClient {
  shared ??= new SqliteClient()
  return shared
}
