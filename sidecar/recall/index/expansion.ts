import { relatedTermsOf } from '../../text/thesaurus.ts'
import type { QueryTerm } from '../../text/tokens.ts'
import type { Corpus } from './corpus.ts'

/** A term of a question, with the words that may stand for it. */
export interface WeightedTerm {
  /** Stems of the word itself. */
  forms: readonly string[]
  weight: number
  /** Stems of related words; an occurrence counts as `weight` occurrences. */
  related: readonly { forms: readonly string[]; weight: number }[]
}

export interface ExpansionSettings {
  /** What a word for much the same counts, against the word itself. */
  synonyms: number
  /** What a member counts when the question names the kind ("instrument" → "violin"). */
  members: number
  /** What a word spelled alike counts, where the scope does not have the word itself. */
  alike: number
  /** Weight of words of asking ("mention", "kind"). */
  asking: number
  /** Weight of the names of speakers: the speaker signal reads them, and in a text they are mostly calls. */
  name: number
}

/**
 * The terms to look for. Related words join the term that they stand for, as alternatives of one term
 * (synonym operator: Pirkola 1998; with weights: Darwish & Oard 2003), so that a long list of members
 * cannot outweigh the rest of the question. Members count more than synonyms: a question that names a
 * kind is answered with a member, while two words for much the same seldom are for quite the same.
 */
export function expandTerms(
  terms: readonly QueryTerm[],
  isName: (word: string) => boolean,
  corpus: Pick<Corpus, 'own' | 'vocabulary'>,
  settings: ExpansionSettings,
): WeightedTerm[] {
  return terms.map(({ word, forms, asking }) => {
    if (isName(word)) return { forms, weight: settings.name, related: [] }
    const known = relatedTermsOf(forms[0] as string)
    const unknown = forms.every((form) => corpus.own.get(form).slots.length === 0)
    const related = [
      { forms: unknown ? alikeOf(forms, corpus) : [], weight: settings.alike },
      { forms: known?.synonyms ?? [], weight: settings.synonyms },
      { forms: known?.members ?? [], weight: settings.members },
    ].filter((one) => one.weight > 0 && one.forms.length > 0)
    return { forms, weight: asking ? settings.asking : 1, related }
  })
}

function alikeOf(forms: readonly string[], { vocabulary }: Pick<Corpus, 'vocabulary'>): string[] {
  return [...new Set(forms.flatMap((form) => vocabulary.alike(form)))]
}
