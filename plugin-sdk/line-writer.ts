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
   * Writes one line and its newline in a single `write`, in call order. Resolves when the stream accepts more. Rejects
   * with `FrameTooLargeError` or `TransportClosedError` without writing anything.
   */
  write(line: string): Promise<void>
  /** Resolves when every earlier line is written or rejected. */
  flush(): Promise<void>
  /** Rejects pending and future lines. */
  close(reason?: Error): void
}

/** Yields to the event loop after this many lines, so that a busy session does not block requests and heartbeats. */
const LINES_PER_TURN = 64

/**
 * A FIFO writer with backpressure. The callers bound its queue: a session writes its next line only after the last one
 * was accepted, and the number of sessions is limited.
 */
export function createLineWriter(output: ByteSink, options: { maxBytes?: number } = {}): LineWriter {
  const maxBytes = options.maxBytes ?? MAX_FRAME_BYTES
  let tail: Promise<void> = Promise.resolve()
  let closed: Error | null = null
  let blocked: { resolve(): void; reject(error: Error): void } | null = null
  let lines = 0
  let unsent = 0
  let onEmpty: (() => void)[] = []

  function close(reason?: Error) {
    if (closed) return
    closed = new TransportClosedError('The connection is closed', { cause: reason })
    blocked?.reject(closed)
    blocked = null
    unsent = 0
    settleEmpty()
  }

  function settleEmpty() {
    for (const resolve of onEmpty) resolve()
    onEmpty = []
  }

  function onSent() {
    unsent -= 1
    if (unsent <= 0) settleEmpty()
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
    unsent += 1
    if (output.write(bytes, onSent)) return
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
        throw new FrameTooLargeError(`line: expected at most ${maxBytes} bytes, got ${bytes.length - 1}`, {
          args: { bytes: bytes.length - 1, limit: maxBytes },
        })
      }
      const written = tail.then(() => writeNow(bytes))
      tail = written.catch(() => {})
      await written
    },
    async flush() {
      await tail
      if (!closed && unsent > 0) await new Promise<void>((resolve) => onEmpty.push(resolve))
    },
    close,
  }
}
