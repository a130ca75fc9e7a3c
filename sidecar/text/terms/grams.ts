import { foldAccents } from './normalise.ts'
import { hasUnspacedScript, type Word } from './segment.ts'

const LENGTH = 4

/**
 * Character n-grams, which match misspelt, inflected and compound words (McNamee & Mayfield 2004): 4-grams of each word
 * with its boundaries (`_word_`), function words included. Of Korean and of scripts without spaces, the bigrams and the
 * single Chinese characters that `segment` returns.
 */
export function gramsOf(words: readonly Word[]): string[] {
  return words.flatMap(({ text, kind }) => {
    if (kind === 'gram') return [text]
    if (hasUnspacedScript(text)) return text.length === 1 ? [text] : []
    const padded = `_${foldAccents(text)}_`
    const count = Math.max(1, padded.length - LENGTH + 1)
    return Array.from({ length: count }, (_, i) => padded.slice(i, i + LENGTH))
  })
}
