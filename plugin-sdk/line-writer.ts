import { FrameTooLargeError, TransportClosedError } from './errors.ts'
import { MAX_FRAME_BYTES } from './protocol.ts'

/** The part of a writable stream that the writer needs. */
export interface ByteSink {
  write(chunk: Uint8Array, done: () => void): boolean
  on(event: 'drain' | 'close' | 'finish', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

export interface LineWriter {
  /**
   * Writes one line with its newline in a single `write`, after every line handed over before it. Resolves once
   * the stream takes more. Rejects with `FrameTooLargeError` or `TransportClosedError`; a refused line leaves
   * the stream as it was.
   */
  write(line: string): Promise<void>
  /** Resolves when everything handed over so far has left the stream, or was refused. */
  flush(): Promise<void>
  /** Refuses all that is still waiting and all that comes. */
  close(reason?: Error): void
}

/**
 * A session with much to say and a reader that keeps up would otherwise never leave the microtask queue, and
 * requests, heartbeats and deadlines would wait for it.
 */
const LINES_PER_TURN = 64

/**
 * A first-in-first-out writer with back-pressure. What waits in it is bounded by its callers: a session hands
 * over its next line only after the last one was taken, and the number of sessions is bounded.
 */
export function createLineWriter(output: ByteSink, options: { maxBytes?: number } = {}): LineWriter {
  const maxBytes = options.maxBytes ?? MAX_FRAME_BYTES
  let tail: Promise<void> = Promise.resolve()
  let closed: Error | null = null
  let blocked: { resolve(): void; reject(error: Error): void } | null = null
  let lines = 0
  let leaving = 0
  let onEmpty: (() => void)[] = []

  function close(reason?: Error) {
    if (closed) return
    closed = new TransportClosedError('The connection is closed; nothing more can be sent', { cause: reason })
    blocked?.reject(closed)
    blocked = null
    leaving = 0
    settleEmpty()
  }

  function settleEmpty() {
    for (const resolve of onEmpty) resolve()
    onEmpty = []
  }

  function onLeft() {
    leaving -= 1
    if (leaving <= 0) settleEmpty()
  }

  output.on('drain', () => {
    blocked?.resolve()
    blocked = null
  })
  output.on('close', () => close())
  output.on('finish', () => close())
  output.on('error', close)

  async function writeNow(bytes: Uint8Array): Promise<void> {
    lines += 1
    if (lines % LINES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    if (closed) throw closed
    leaving += 1
    if (output.write(bytes, onLeft)) return
    await new Promise<void>((resolve, reject) => {
      if (closed) reject(closed)
      else blocked = { resolve, reject }
    })
  }

  return {
    async write(line) {
      if (closed) throw closed
      const bytes = Buffer.from(`${line}\n`)
      if (bytes.length - 1 > maxBytes) {
        throw new FrameTooLargeError(`A line of ${bytes.length - 1} bytes is over the limit of ${maxBytes}`, {
          args: { bytes: bytes.length - 1, limit: maxBytes },
        })
      }
      const written = tail.then(() => writeNow(bytes))
      tail = written.catch(() => {})
      await written
    },
    async flush() {
      await tail
      if (!closed && leaving > 0) await new Promise<void>((resolve) => onEmpty.push(resolve))
    },
    close,
  }
}
