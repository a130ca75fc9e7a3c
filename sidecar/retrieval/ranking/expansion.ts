import type { Language } from '../../text/terms/language.ts'
import { relatedTermsOf } from '../../text/terms/thesaurus.ts'
import { queryTermsOf, type Reading } from '../../text/terms/tokens.ts'

/** A query term, with the words that may occur in its place. */
export interface WeightedTerm {
  /** Stems of the word itself. */
  forms: readonly string[]
  weight: number
  /** Stems of related words; one occurrence counts as `weight` occurrences of the word itself. */
  related: readonly { forms: readonly string[]; weight: number }[]
}

export interface ExpansionSettings {
  /** Weight of a synonym, relative to the word itself. */
  synonyms: number
  /** Weight of a member when the query names the category ("instrument" → "violin"). */
  members: number
  /** Weight of words that belong to the act of asking ("mention", "kind"). */
  asking: number
  /** Weight of the names of speakers: the speaker signal covers them, and in a text they are mostly forms of address. */
  name: number
}

/**
 * Expands the terms of a query; a repeated word becomes one term with a multiple of the weight. Related words are
 * alternatives of their term (synonym operator: Pirkola 1998; with weights: Darwish & Oard 2003), so that a long list of
 * members cannot outweigh the rest of the query. Members weigh more than synonyms: a question about a category is
 * answered with a member, while synonyms seldom have exactly the same meaning.
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
  const distinct = new Map(terms.map((term) => [term.word, term]))
  return [...distinct.values()].map(({ word, forms, asking }) => {
    const count = counts.get(word) as number
    if (isName(word)) return { forms, weight: count * settings.name, related: [] }
    const known = relatedTermsOf(forms[0] as string)
    const related = [
      { forms: known?.synonyms ?? [], weight: settings.synonyms },
      { forms: known?.members ?? [], weight: settings.members },
    ].filter((one) => one.weight > 0 && one.forms.length > 0)
    return { forms, weight: count * (asking ? settings.asking : 1), related }
  })
}
