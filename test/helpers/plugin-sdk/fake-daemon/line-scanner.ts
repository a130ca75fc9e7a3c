/** A line of this many bytes stops the daemon's scanner permanently. */
export const SCANNER_LIMIT = 5_242_880

/** Splits bytes into lines like the daemon's bufio.Scanner; returns false once it has stopped. */
export function createScanner(
  onLine: (line: string) => void,
  limit = SCANNER_LIMIT,
): (chunk: Buffer) => boolean {
  let rest: Buffer[] = []
  let length = 0
  let stopped = false
  return (chunk) => {
    let start = 0
    while (!stopped) {
      const newline = chunk.indexOf(0x0a, start)
      const piece = chunk.subarray(start, newline === -1 ? undefined : newline)
      length += piece.length
      if (length >= limit) stopped = true
      else rest.push(piece)
      if (stopped || newline === -1) break
      const line = Buffer.concat(rest).toString('utf8').replace(/\r$/, '')
      rest = []
      length = 0
      start = newline + 1
      if (line !== '') onLine(line)
    }
    return !stopped
  }
}
