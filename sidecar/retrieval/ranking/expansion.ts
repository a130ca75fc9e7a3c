import { MAX_QUERY_TERMS } from '../../ports/records.ts'
import { type RelatedTerms, relatedTerms } from '../../text/related/related-words.ts'
import type { Language } from '../../text/terms/language.ts'
import { queryTermsOf, type Reading } from '../../text/terms/tokens.ts'

/** A query term, with the words that may occur in its place. */
export interface WeightedTerm {
  /** Stems of the word itself. */
  forms: readonly string[]
  weight: number
  related: readonly RelatedTerms[]
}

export interface ExpansionSettings {
  /** Factor of the weights of related words. */
  related: number
  /** Weight of words that belong to the act of asking ("mention", "kind"). */
  asking: number
  /** Weight of the names of speakers: the speaker signal covers them, and in a text they are mostly forms of address. */
  name: number
}

/**
 * Expands the terms of a query; a repeated word becomes one term with a multiple of the weight. Related words are
 * alternatives of their term (synonym operator: Pirkola 1998; with weights: Darwish & Oard 2003), so that a long list of
 * them cannot outweigh the rest of the query.
 * @param languages of the memories
 */
export function expandTerms(
  reading: Reading,
  languages: Iterable<Language>,
  settings: ExpansionSettings,
  isName: (word: string) => boolean = () => false,
): WeightedTerm[] {
  const terms = queryTermsOf(reading, languages)
  const counts = new Map<string, number>()
  for (const { word } of terms) counts.set(word, (counts.get(word) ?? 0) + 1)
  const asked = new Set(terms.flatMap(({ forms }) => forms))
  const distinct = new Map(terms.map((term) => [term.word, term]))
  // A store looks for this many terms, and the words of a pasted document are more. Related words of all of them take 100 ms.
  const isExpanded = distinct.size <= MAX_QUERY_TERMS
  return [...distinct.values()].map(({ word, forms, asking }) => {
    const count = counts.get(word) as number
    if (isName(word)) return { forms, weight: count * settings.name, related: [] }
    if (!isExpanded) return { forms, weight: count * (asking ? settings.asking : 1), related: [] }
    const related = relatedTerms(word, reading.language, reading.normal).map((one) => ({
      // Another word of the query is no alternative.
      forms: one.forms.filter((form) => !asked.has(form)),
      weight: settings.related * one.weight,
    }))
    return { forms, weight: count * (asking ? settings.asking : 1), related }
  })
}
