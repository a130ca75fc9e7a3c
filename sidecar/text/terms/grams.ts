import { foldAccents } from './normalise.ts'
import { hasUnspacedScript, type Word } from './segment.ts'

const LENGTH = 4

/**
 * Character n-grams, which match misspelt, inflected and compound words (McNamee & Mayfield 2004): 4-grams of each word
 * with its boundaries (`_word_`), function words included. Of Korean and of scripts without spaces, the bigrams and the
 * single Chinese characters that `segment` returns.
 */
export function gramsOf(words: readonly Word[]): string[] {
  const grams: string[] = []
  for (const { text, kind } of words) {
    if (kind === 'gram') {
      grams.push(text)
    } else if (!hasUnspacedScript(text)) {
      const padded = `_${foldAccents(text)}_`
      for (let at = 0; at === 0 || at + LENGTH <= padded.length; at++)
        grams.push(padded.slice(at, at + LENGTH))
    } else if (text.length === 1) {
      grams.push(text)
    }
  }
  return grams
}
