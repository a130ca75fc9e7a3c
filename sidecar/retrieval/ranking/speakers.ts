import { detectLexicalFeatures } from '../../text/lexical-features.ts'
import { hasUnspacedScript } from '../../text/terms/segment.ts'
import type { Reading } from '../../text/terms/tokens.ts'

/** The persons that a query is about: speakers by name, or roles by "I" and "you". */
interface AskedSpeakers {
  /** Name of each named speaker, as in `Features`. */
  named: ReadonlySet<string>
  /** Roles; empty if a speaker is named. */
  roles: ReadonlySet<string>
  /** Whether a word of the query is (part of) the name of a named speaker. */
  isName(word: string): boolean
}

/**
 * Finds the speakers that a query is about; one word of a name is enough. Without a name, "I" refers to the user, and
 * "you" without "I" to the assistant.
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
  const roles = new Set<string>()
  if (named.size === 0) {
    const { firstPerson, secondPerson } = detectLexicalFeatures(normal, texts, language)
    if (firstPerson) roles.add('user')
    else if (secondPerson) roles.add('assistant')
  }
  return { named, roles, isName: (word) => parts.has(withoutGenitive(word)) }
}

function withoutGenitive(word: string): string {
  return word.replace(/'s?$/, '')
}
