/** Sentences of a text in any script, trimmed, in order, none empty. Line breaks end sentences. */
export function splitSentences(text: string): string[] {
  const sentences: string[] = []
  for (const line of text.split(/[\r\n\u2028\u2029]+/)) {
    let start = 0
    for (const match of line.matchAll(END)) {
      const end = match.index + match[0].length
      // The end of what stands before is enough to tell, and a slice of the whole would be quadratic.
      const before = line.slice(Math.max(start, match.index - 12), match.index)
      if (match[0].startsWith('.') && isAbbreviation(before)) continue
      push(sentences, line.slice(start, end))
      start = end
    }
    push(sentences, line.slice(start))
  }
  return sentences
}

/**
 * Joins sentences into pieces of at most `limit` UTF-16 code units. A sentence longer than that is cut at
 * a space, or where no space is near, between characters.
 */
export function packSentences(sentences: readonly string[], limit: number): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const sentence of sentences.flatMap((one) => cut(one, limit))) {
    // Scripts without spaces get none between sentences either.
    const gap = piece === '' || /[。！？｡]$/.test(piece) ? '' : ' '
    if (piece.length + gap.length + sentence.length > limit) {
      pieces.push(piece)
      piece = sentence
    } else {
      piece += gap + sentence
    }
  }
  if (piece !== '') pieces.push(piece)
  return pieces
}

/**
 * Western ends need a space or the line's end after them ("3.5", "e.g."); ideographic ones do not. A run of
 * dots is tried from its first one only: from each would be quadratic.
 */
const END = /(?:(?<![.!?…؟।])[.!?…؟।]+["'”’»)\]]*(?=\s|$)|[。！？｡]+[」』”）]*)/gu
const ABBREVIATION = /(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|no|jr|sr|z\.b|bzw|\p{Lu})$/iu

function isAbbreviation(before: string): boolean {
  return ABBREVIATION.test(before) && !/(?:^|\s)(?:etc|no|i)$/i.test(before)
}

function push(sentences: string[], sentence: string): void {
  const trimmed = sentence.trim()
  if (trimmed !== '') sentences.push(trimmed)
}

function cut(sentence: string, limit: number): string[] {
  const parts: string[] = []
  let rest = sentence
  while (rest.length > limit) {
    const space = rest.lastIndexOf(' ', limit)
    let at = space > limit / 2 ? space : limit
    // Never between the halves of a surrogate pair.
    if (/[\ud800-\udbff]/.test(rest.charAt(at - 1))) at--
    parts.push(rest.slice(0, at).trim())
    rest = rest.slice(at).trim()
  }
  if (rest !== '') parts.push(rest)
  return parts
}
