/** The daemon's limit: a line of one byte less passes, a line of this many bytes stops the scanner for good. */
export const SCANNER_LIMIT = 5_242_880

/** Splits bytes into lines the way Go's bufio.Scanner does for the daemon; returns false once it has given up. */
export function createScanner(
  onLine: (line: string) => void,
  limit = SCANNER_LIMIT,
): (chunk: Buffer) => boolean {
  let rest: Buffer[] = []
  let held = 0
  let dead = false
  return (chunk) => {
    let start = 0
    while (!dead) {
      const newline = chunk.indexOf(0x0a, start)
      const piece = chunk.subarray(start, newline === -1 ? undefined : newline)
      held += piece.length
      if (held >= limit) dead = true
      else rest.push(piece)
      if (dead || newline === -1) break
      const line = Buffer.concat(rest).toString('utf8').replace(/\r$/, '')
      rest = []
      held = 0
      start = newline + 1
      if (line !== '') onLine(line)
    }
    return !dead
  }
}
