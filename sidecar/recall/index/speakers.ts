import { detectLexicalFeatures } from '../../text/lexical-features.ts'
import { normalise } from '../../text/normalise.ts'
import { hasUnspacedScript, segment } from '../../text/segment.ts'
import type { Reading } from '../../text/tokens.ts'

/** Whom a question is about: speakers by name, or roles by "I" and "you". */
export interface AskedSpeakers {
  /** Keys of the speakers named, as `speakerKey` writes them. */
  named: ReadonlySet<string>
  /** Roles meant, when no speaker is named. */
  roles: ReadonlySet<string>
  /** Whether a word of the question is (part of) a named speaker's name. */
  isName(word: string): boolean
}

/** One spelling of a speaker's name: its words in lower case. */
export function speakerKey(name: string): string {
  return segment(normalise(name))
    .flatMap((word) => (word.kind === 'gram' ? [] : [word.text]))
    .join(' ')
}

/**
 * The speakers that a question is about. A name of several words may be given in part. Without a name,
 * "I" means the user, and "you" without "I" means the assistant, who is asked.
 */
export function askedSpeakers(
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
