import { possibleHeads } from '../../text/terms/compounds.ts'
import { relatedTermsOf } from '../../text/terms/thesaurus.ts'
import type { QueryTerm } from '../../text/terms/tokens.ts'
import type { Corpus } from './corpus.ts'

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
  /** Weight of a word with similar spelling, used when the scope does not contain the word itself. */
  similar: number
  /** Weight of a compound that ends in the word ("Pass" → "Reisepass"), and of the last part of a compound. */
  compounds: number
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
 */
export function expandTerms(
  terms: readonly QueryTerm[],
  isName: (word: string) => boolean,
  corpus: Pick<Corpus, 'own' | 'vocabulary'>,
  settings: ExpansionSettings,
): WeightedTerm[] {
  const counts = new Map<string, number>()
  for (const { word } of terms) counts.set(word, (counts.get(word) ?? 0) + 1)
  const distinct = new Map(terms.map((term) => [term.word, term]))
  return [...distinct.values()].map(({ word, forms, asking }) => {
    const count = counts.get(word) as number
    if (isName(word)) return { forms, weight: count * settings.name, related: [] }
    const known = relatedTermsOf(forms[0] as string)
    const unknown = forms.every((form) => corpus.own.get(form).slots.length === 0)
    const related = [
      { forms: unknown ? similarTerms(forms, corpus) : [], weight: settings.similar },
      { forms: compoundTerms(forms, corpus), weight: settings.compounds },
      { forms: known?.synonyms ?? [], weight: settings.synonyms },
      { forms: known?.members ?? [], weight: settings.members },
    ].filter((one) => one.weight > 0 && one.forms.length > 0)
    return { forms, weight: count * (asking ? settings.asking : 1), related }
  })
}

function compoundTerms(
  forms: readonly string[],
  { own, vocabulary }: Pick<Corpus, 'own' | 'vocabulary'>,
): string[] {
  const terms = forms.flatMap((form) => {
    const head = possibleHeads(form).find((one) => own.get(one).slots.length > 0)
    return head === undefined ? vocabulary.compoundsOf(form) : [head, ...vocabulary.compoundsOf(form)]
  })
  return [...new Set(terms)]
}

function similarTerms(forms: readonly string[], { vocabulary }: Pick<Corpus, 'vocabulary'>): string[] {
  return [...new Set(forms.flatMap((form) => vocabulary.similarTo(form)))]
}
