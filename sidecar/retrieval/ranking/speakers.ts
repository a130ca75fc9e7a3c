import { detectLexicalFeatures } from '../../text/lexical-features.ts'
import { hasUnspacedScript } from '../../text/terms/segment.ts'
import type { Reading } from '../../text/terms/tokens.ts'

/** The persons that a query is about. */
interface AskedSpeakers {
  /** Name of each named speaker, as in `Features`. */
  named: ReadonlySet<string>
  /** Whether it says "you" and not "I", and names no speaker. */
  asksAssistant: boolean
  /** Whether a word of the query is (part of) the name of a named speaker. */
  isName(word: string): boolean
}

/**
 * Finds the speakers that a query is about; one word of a name is enough. Without a name, "you" without "I" refers to the
 * assistant.
 */
export function findAskedSpeakers(
  { normal, words, language }: Reading,
  speakers: Iterable<string>,
): AskedSpeakers {
  const texts = words.map((word) => word.text)
  const bare = new Set(texts.map(withoutGenitive))
  const named = new Set<string>()
  const parts = new Set<string>()
  for (const speaker of speakers) {
    const found = speaker
      .split(' ')
      .filter((part) => bare.has(part) || (hasUnspacedScript(part) && normal.includes(part)))
    for (const part of found) parts.add(part)
    if (found.length > 0) named.add(speaker)
  }
  const { firstPerson, secondPerson } = detectLexicalFeatures(normal, texts, language)
  const asksAssistant = named.size === 0 && secondPerson && !firstPerson
  return { named, asksAssistant, isName: (word) => parts.has(withoutGenitive(word)) }
}

function withoutGenitive(word: string): string {
  return word.replace(/'s?$/, '')
}
