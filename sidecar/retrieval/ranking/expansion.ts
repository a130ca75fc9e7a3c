import { relatedTerms } from '../../text/related/related-words.ts'
import { hashTerm } from '../../text/terms/hash.ts'
import type { Language } from '../../text/terms/language.ts'
import { queryTermsOf, type Reading } from '../../text/terms/tokens.ts'
import type { HashedTerm } from './lexical.ts'

export interface ExpansionSettings {
  /** Weight of related words, relative to what `relatedTerms` says. */
  related: number
  /** Weight of words that belong to the act of asking ("mention", "kind"). */
  asking: number
  /** Weight of the names of speakers: the speaker signal covers them, and in a text they are mostly forms of address. */
  name: number
}

/**
 * The terms of a query with their alternatives; a repeated word becomes one term with a multiple of the weight. Related
 * words are alternatives of their term (synonym operator: Pirkola 1998; with weights: Darwish & Oard 2003), so that a
 * long list of them cannot outweigh the rest of the query.
 * @param languages of the memories
 */
export function expandTerms(
  reading: Reading,
  languages: Iterable<Language>,
  settings: ExpansionSettings,
  isName: (word: string) => boolean = () => false,
): HashedTerm[] {
  const terms = queryTermsOf(reading, languages)
  const counts = new Map<string, number>()
  for (const { word } of terms) counts.set(word, (counts.get(word) ?? 0) + 1)
  const asked = new Set(terms.flatMap(({ forms }) => forms))
  const distinct = new Map(terms.map((term) => [term.word, term]))
  return [...distinct.values()].map(({ word, forms, asking }) => {
    const count = counts.get(word) as number
    const own = forms.map((form) => ({ hash: hashTerm(form), weight: 1 }))
    if (isName(word)) return { forms: own, weight: count * settings.name }
    const related = relatedTerms(word, reading.language, reading.normal).flatMap(({ forms, weight }) =>
      forms
        // Another word of the query is not an alternative.
        .filter((form) => !asked.has(form))
        .map((form) => ({ hash: hashTerm(form), weight: settings.related * weight })),
    )
    return { forms: [...own, ...related], weight: count * (asking ? settings.asking : 1) }
  })
}
