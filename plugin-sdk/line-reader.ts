import { MAX_REQUEST_BYTES } from './protocol.ts'

export interface LineReaderOptions {
  /** One complete line, decoded, without its line ending. Blank lines are left out. */
  onLine(line: string): void
  /**
   * A line longer than `maxBytes`. It is skipped up to its newline and reading goes on. `head` holds the first
   * bytes of it, `bytes` its whole length. Called once per such line.
   */
  onOversize(oversize: { bytes: number; head: string }): void
  /** Longest line in bytes, without its newline. Default 32 MiB. */
  maxBytes?: number
}

export interface LineReader {
  push(chunk: Uint8Array): void
  /** The stream is over: a last line without a newline is delivered too. */
  end(): void
}

const NEWLINE = 0x0a
const HEAD_BYTES = 256

/**
 * Splits a byte stream into lines. Works on bytes and decodes whole lines only, so a character cut in two by
 * a chunk border survives. Holds at most `maxBytes` in memory.
 */
export function createLineReader(options: LineReaderOptions): LineReader {
  const maxBytes = options.maxBytes ?? MAX_REQUEST_BYTES
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new RangeError(`maxBytes: expected a whole number of at least 1, got ${maxBytes}`)
  }
  let parts: Uint8Array[] = []
  let held = 0
  let length = 0

  function take(piece: Uint8Array) {
    length += piece.length
    // An oversize line keeps only its head: enough to tell whose it was.
    const room = length > maxBytes ? Math.max(0, HEAD_BYTES - held) : piece.length
    if (length > maxBytes && held > HEAD_BYTES) {
      parts = [Buffer.concat(parts, HEAD_BYTES)]
      held = HEAD_BYTES
    }
    if (room > 0 && piece.length > 0) {
      // Copied, because a small piece would otherwise pin the whole chunk it is a view of.
      parts.push(new Uint8Array(piece.subarray(0, room)))
      held += Math.min(room, piece.length)
    }
  }

  function finish() {
    const bytes = length
    const text = Buffer.concat(parts).toString('utf8')
    parts = []
    held = 0
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
