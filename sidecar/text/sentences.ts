import smallTalk from './data/small-talk.json' with { type: 'json' }
import { normalise } from './terms/normalise.ts'
import { hasUnspacedScript, segment } from './terms/segment.ts'

/** Splits a text in any script into trimmed, non-empty sentences. A line break ends a sentence. */
export function splitSentences(text: string): string[] {
  const sentences: string[] = []
  for (const line of text.split(/[\r\n\u2028\u2029]+/)) {
    let start = 0
    for (const match of line.matchAll(END)) {
      const end = match.index + match[0].length
      // A bounded slice keeps the check linear in the length of the line.
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
 * Joins sentences into pieces of at most `limit` UTF-16 code units. A longer sentence is cut at a space, or between
 * characters when there is no space in its second half.
 */
export function packSentences(sentences: readonly string[], limit: number): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const sentence of sentences.flatMap((one) => cut(one, limit))) {
    // Scripts without spaces have none between sentences either.
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

/** Whether a sentence ends in a question mark of any script, possibly followed by exclamation marks or quotes. */
export function isQuestion(sentence: string): boolean {
  return /[?？؟⁇⁈‽][!！?？]*["'”’»)\]」』）]*$/u.test(sentence.trim().slice(-20))
}

/** Whether a sentence has no words, or only greetings, thanks, agreement and exclamations (some twenty languages). */
export function isSmallTalk(sentence: string): boolean {
  const normal = normalise(sentence)
  const words = segment(normal).filter((word) => word.kind !== 'gram')
  if (words.length === 0) return true
  if (hasUnspacedScript(normal)) {
    const letters = normal.replace(/[\p{P}\p{S}\s]+/gu, '')
    return letters.length <= MAX_SMALL_TALK_LENGTH && UNSPACED_SMALL_TALK.test(letters)
  }
  return words.length <= 8 && words.every((word) => SMALL_TALK_WORDS.has(word.text))
}

/** Code units. It also bounds the backtracking of `UNSPACED_SMALL_TALK`. */
const MAX_SMALL_TALK_LENGTH = 30
const SMALL_TALK_WORDS = new Set(smallTalk.words.join(' ').split(' '))
const UNSPACED_SMALL_TALK = new RegExp(
  `^(?:${smallTalk.unspacedSentences.join(' ').split(' ').join('|')})+$`,
  'u',
)

/**
 * A Western sentence end must be followed by white space or the end of the line ("3.5"); an ideographic one need not.
 * The lookbehind matches a run of dots only from its first dot, which keeps the search linear.
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
    // Do not split a surrogate pair.
    if (/[\ud800-\udbff]/.test(rest.charAt(at - 1))) at--
    parts.push(rest.slice(0, at).trim())
    rest = rest.slice(at).trim()
  }
  if (rest !== '') parts.push(rest)
  return parts
}
