import { UNSPACED, type Word } from './segment.ts'

/**
 * Terms for what a normalised text says in symbols: a word with the symbols attached to it (`c++`, `.net`, `-200`,
 * `$5`), an operator or currency sign by itself (`>`, `€`), and an emoji. The words without their symbols are terms
 * too, so these decide between memories that have the same words.
 */
export function symbolWords(normal: string): Word[] {
  // Fast path: most texts have none, or only the dots of their sentences.
  if (!ANY.test(normal) || !ANY_BUT_DOTS.test(normal)) return []
  const text = normal.replace(MINUS_SIGNS, '-')
  const found: Word[] = []
  for (const [pattern, kind] of PATTERNS) {
    for (const { 0: match, index } of text.matchAll(pattern)) {
      found.push({
        text: match,
        kind: kind === 'affixed' && /\p{N}/u.test(match) ? 'number' : 'symbol',
        at: index,
      })
    }
  }
  return found
}

/** Characters that are read as a hyphen-minus in front of a number or after a letter. */
const MINUS_SIGNS = /[\u2010-\u2013\u2212]/g
const ANY = /[\p{S}.#%&@*\-\u2010-\u2013§†‰]/u
const ANY_BUT_DOTS = /[\p{S}\p{Extended_Pictographic}#%&@*\-\u2010-\u2013§†‰]|\.\p{L}/u

/** Not `|`, which separates the cells of a table. */
const ATTACHED = String.raw`(?:(?!\|)[\p{Sc}\p{Sm}#%&@*§°^\-])`
const SIGN = String.raw`(?:(?!\|)[\p{Sc}\p{Sm}%&]|!(?==))`
/** A character of a word. A letter of a script without spaces that is beside a symbol belongs to another word. */
const LETTER = String.raw`(?![${UNSPACED}])[\p{L}\p{M}\p{N}]`
/** The limits bound the backtracking. */
const WORD = String.raw`(?:${LETTER}){1,40}(?:[.,]\p{N}{1,20}){0,4}`
const AFTER_LETTER = String.raw`(?<=[\p{L}\p{M}\p{N}])(?<![${UNSPACED}])`
const NOT_AFTER_WORD = `(?<!${AFTER_LETTER})`
const BESIDE = String.raw`[\p{S}#%&@*§\-]`

const PATTERNS: readonly (readonly [RegExp, 'symbol' | 'affixed'])[] = [
  // `-200`, `$5`, `#1`, `.net`; not the second half of `10-20` or `a.b`.
  [regex(String.raw`${NOT_AFTER_WORD}(?<!${BESIDE}|\.)(?:\.(?=\p{L})|${ATTACHED}{1,3})${WORD}`), 'affixed'],
  // `c++`, `a-`, `5%`, `20°`; not the first half of `well-known` or `1+2`.
  [regex(`${NOT_AFTER_WORD}${WORD}${ATTACHED}{1,3}(?!${LETTER}|${BESIDE})`), 'affixed'],
  // Longer runs are rules and decoration.
  [regex(`(?<!${SIGN})${SIGN}{1,3}(?!${SIGN})`), 'symbol'],
  [regex(String.raw`\p{Regional_Indicator}{2}|\p{Extended_Pictographic}`), 'symbol'],
]

function regex(source: string): RegExp {
  return new RegExp(source, 'gu')
}
