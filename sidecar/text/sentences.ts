import smallTalk from './data/small-talk.json' with { type: 'json' }
import { normalise } from './terms/normalise.ts'
import { hasUnspacedScript, SPACED_WORD, segment } from './terms/segment.ts'

/** A sentence without the white space around it; offsets of its text in UTF-16 code units. */
interface Span {
  sentence: string
  from: number
  to: number
}

/** Splits a text in any script into trimmed, non-empty sentences. A line break ends a sentence. */
export function splitSentences(text: string): string[] {
  return sentenceSpans(text).map(({ sentence }) => sentence)
}

/** The sentences of a text with their places. */
export function sentenceSpans(text: string): Span[] {
  const spans: Span[] = []
  for (const { 0: line, index } of text.matchAll(/[^\r\n\u2028\u2029]+/g)) {
    for (const { from, to } of sentencesOfLine(line)) {
      const sentence = line.slice(from, to).trim()
      if (sentence === '') continue
      const start = index + from + line.slice(from, to).indexOf(sentence)
      spans.push({ sentence, from: start, to: start + sentence.length })
    }
  }
  return spans
}

function* sentencesOfLine(line: string): Generator<{ from: number; to: number }> {
  let from = 0
  for (const match of line.matchAll(END)) {
    const to = match.index + match[0].length
    // A bounded slice keeps the check linear in the length of the line.
    const before = line.slice(Math.max(from, match.index - 12), match.index)
    if (match[0].startsWith('.') && isAbbreviation(before)) continue
    yield { from, to }
    from = to
  }
  yield { from, to: line.length }
}

/** Whether a sentence ends in a question mark of any script, possibly followed by exclamation marks or quotes. */
export function isQuestion(sentence: string): boolean {
  return /[?？؟⁇⁈‽][!！?？]*["'”’»)\]」』）]*$/u.test(sentence.trim().slice(-20))
}

/** Whether a sentence has no words, or only greetings, thanks, agreement and exclamations (some twenty languages). */
export function isSmallTalk(sentence: string): boolean {
  const normal = normalise(sentence)
  if (hasUnspacedScript(normal)) {
    const letters = normal.replace(/[\p{P}\p{S}\s]+/gu, '')
    if (letters.length <= MAX_SMALL_TALK_LENGTH && UNSPACED_SMALL_TALK.test(letters)) return true
    return !hasUnspacedWord(normal)
  }
  let count = 0
  for (const [word] of normal.matchAll(SPACED_WORD)) {
    count += 1
    if (count > MAX_SMALL_TALK_WORDS || !SMALL_TALK_WORDS.has(word)) return false
  }
  return true
}

/** The dictionary need not be asked about common letters without combining marks: they always are words or parts of them. */
function hasUnspacedWord(normal: string): boolean {
  if (/[ぁ-ゖァ-ヺ一-鿿가-힣]/.test(normal) && !/\p{M}/u.test(normal)) return true
  return segment(normal).some(({ kind }) => kind !== 'gram')
}

const MAX_SMALL_TALK_WORDS = 8
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
