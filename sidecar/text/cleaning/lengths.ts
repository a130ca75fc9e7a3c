/** Longest message of a stored turn, in UTF-16 code units; a longer one is stored as several messages. */
export const MAX_MESSAGE_LENGTH = 100_000

/** Longest query, in UTF-16 code units. */
export const MAX_QUERY_LENGTH = 32_000

/** Cuts a text after a line, else after a space, else between characters. The pieces together are the text. */
export function splitLong(text: string, limit = MAX_MESSAGE_LENGTH): string[] {
  const pieces: string[] = []
  let from = 0
  while (text.length - from > limit) {
    const end = from + limit
    const half = from + limit / 2
    // Only the second half is looked at, so that pieces are long and the search is linear.
    const tail = text.slice(half, end)
    const line = tail.lastIndexOf('\n')
    const breakAt = line >= 0 ? line : tail.lastIndexOf(' ')
    const next = breakAt >= 0 ? half + breakAt + 1 : charEnd(text, end)
    pieces.push(text.slice(from, next))
    from = next
  }
  return [...pieces, text.slice(from)]
}

/** The beginning and the end of a text that is too long: a question stands in one of them. */
export function clipMiddle(text: string, limit = MAX_QUERY_LENGTH): string {
  if (text.length <= limit) return text
  const half = limit / 2 - 1
  return `${text.slice(0, charEnd(text, half))}\n${text.slice(charEnd(text, text.length - half))}`.toWellFormed()
}

/** An offset that does not split a surrogate pair; at most one code unit before `at`. */
function charEnd(text: string, at: number): number {
  return /[\ud800-\udbff]/.test(text.charAt(at - 1)) ? at - 1 : at
}
