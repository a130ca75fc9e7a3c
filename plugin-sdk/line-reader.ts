import { MAX_REQUEST_BYTES } from './protocol.ts'

export interface LineReaderOptions {
  /** Receives one decoded line without its line ending. Blank lines are skipped. */
  onLine(line: string): void
  /**
   * Receives the length and the first bytes of a line longer than `maxBytes`, once per line. The line is skipped.
   */
  onOversize(oversize: { bytes: number; head: string }): void
  /** Maximum line length without the newline. Default 32 MiB. */
  maxBytes?: number
}

export interface LineReader {
  push(chunk: Uint8Array): void
  /** Ends the stream and delivers a last line without a newline. */
  end(): void
}

const NEWLINE = 0x0a
const HEAD_BYTES = 256

/**
 * Splits a byte stream into lines. Decodes whole lines only, so that chunk borders may split characters. Buffers at most
 * `maxBytes`.
 */
export function createLineReader(options: LineReaderOptions): LineReader {
  const maxBytes = options.maxBytes ?? MAX_REQUEST_BYTES
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new RangeError(`maxBytes: expected an integer ≥ 1, got ${maxBytes}`)
  }
  let parts: Uint8Array[] = []
  let buffered = 0
  let length = 0

  function take(piece: Uint8Array) {
    length += piece.length
    // An oversize line keeps only its head, which names the session.
    const room = length > maxBytes ? Math.max(0, HEAD_BYTES - buffered) : piece.length
    if (length > maxBytes && buffered > HEAD_BYTES) {
      parts = [Buffer.concat(parts, HEAD_BYTES)]
      buffered = HEAD_BYTES
    }
    if (room > 0 && piece.length > 0) {
      // A copy, because a view would keep the whole chunk in memory.
      parts.push(new Uint8Array(piece.subarray(0, room)))
      buffered += Math.min(room, piece.length)
    }
  }

  function finish() {
    const bytes = length
    const text = Buffer.concat(parts).toString('utf8')
    parts = []
    buffered = 0
    length = 0
    if (bytes > maxBytes) options.onOversize({ bytes, head: text })
    else if (text.trim() !== '') options.onLine(text.endsWith('\r') ? text.slice(0, -1) : text)
  }

  return {
    push(chunk) {
      let start = 0
      for (;;) {
        const newline = chunk.indexOf(NEWLINE, start)
        if (newline === -1) break
        take(chunk.subarray(start, newline))
        finish()
        start = newline + 1
      }
      if (start < chunk.length) take(chunk.subarray(start))
    },
    end() {
      if (length > 0) finish()
    },
  }
}
