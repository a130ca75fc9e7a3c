/**
 * Words of a text by script. Scripts that put spaces between words are cut by a pattern, which is some
 * twenty times faster than `Intl.Segmenter`; scripts that do not (Chinese, Japanese, Thai, Lao, Khmer,
 * Burmese) are cut by the segmenter's dictionary **and** into character bigrams, because the dictionary
 * may cut a name differently in the question than in the memory. Korean is spaced, yet its words carry
 * particles, so it gets bigrams too.
 */
export type WordKind = 'word' | 'number' | 'unspaced' | 'gram'

export interface Word {
  /** As in the (already normalised) text. */
  text: string
  kind: WordKind
  /** Offset of its first code unit. */
  at: number
}

/** `text` must be normalised (see `normalise`). */
export function segment(text: string): Word[] {
  const words: Word[] = []
  // Called back rather than iterated over: an object for each match was a tenth of all garbage.
  text.replace(RUN, (run: string, at: number) => {
    if (!DENSE_SCRIPT.test(run)) {
      words.push({ text: run, kind: DIGIT.test(run) ? 'number' : 'word', at })
    } else {
      for (const part of run.matchAll(DENSE_OR_OTHER)) {
        const [piece] = part
        const start = at + part.index
        if (HANGUL.test(piece)) {
          words.push({ text: piece, kind: 'unspaced', at: start })
          pushGrams(words, words.length - 1, piece, start)
        } else if (DENSE_SCRIPT.test(piece)) {
          const first = words.length
          pushSegmented(words, piece, start)
          pushGrams(words, first, piece, start)
        } else {
          words.push({ text: piece, kind: DIGIT.test(piece) ? 'number' : 'word', at: start })
        }
      }
    }
    return ''
  })
  return words
}

/** Whether a text has letters of a script that is written without spaces, or Korean. */
export function hasDenseScript(text: string): boolean {
  return DENSE_SCRIPT.test(text)
}

function pushSegmented(words: Word[], piece: string, start: number): void {
  for (const { segment: text, index, isWordLike } of segmenter.segment(piece)) {
    if (isWordLike) words.push({ text, kind: 'unspaced', at: start + index })
  }
}

/**
 * Character bigrams, and each Chinese character that the segmenter did not take for a word of its own.
 * @param first index of the first word of the piece; what stands before it belongs to others
 */
function pushGrams(words: Word[], first: number, piece: string, start: number): void {
  const known = new Set(words.slice(first).flatMap((word) => (word.text.length === 1 ? [word.at] : [])))
  const characters = [...piece]
  let at = start
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string
    if (HAN.test(character) && !known.has(at)) words.push({ text: character, kind: 'gram', at })
    const second = characters[i + 1]
    if (second !== undefined) words.push({ text: character + second, kind: 'gram', at })
    at += character.length
  }
}

const segmenter = new Intl.Segmenter('ja', { granularity: 'word' })
/** Letters, marks and digits, with apostrophes, dots and commas only between them ("don't", "3.5"). */
const RUN = /[\p{L}\p{M}\p{N}]+(?:(?:'|(?<=\p{N})[.,:](?=\p{N}))[\p{L}\p{M}\p{N}]+)*/gu
const DENSE =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\u30fc\\u3005\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}\\p{Script=Hangul}'
const DENSE_SCRIPT = new RegExp(`[${DENSE}]`, 'u')
const HANGUL = /^\p{Script=Hangul}/u
const DENSE_OR_OTHER = new RegExp(
  `\\p{Script=Hangul}+|(?:(?!\\p{Script=Hangul})[${DENSE}])+|[^${DENSE}]+`,
  'gu',
)
const HAN = /^\p{Script=Han}$/u
const DIGIT = /^\p{N}/u
