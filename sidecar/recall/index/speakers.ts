import type { Corpus } from './corpus.ts'

/** The speakers that a question names, by `speakerKey`. A name of several words may be given in part. */
export function namedSpeakers(corpus: Corpus, words: readonly string[]): Set<string> {
  const asked = new Set(words.map((word) => word.replace(/'s?$/, '')))
  const named = new Set<string>()
  for (const speaker of corpus.speakers.keys()) {
    if (speaker.split(' ').some((part) => asked.has(part))) named.add(speaker)
  }
  return named
}
