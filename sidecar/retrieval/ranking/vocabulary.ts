import { isCompoundOf } from '../../text/terms/compounds.ts'

/** Minimum length of a word that is compared by spelling: too many shorter words are similar. */
const MIN_LENGTH = 4
/** Minimum Dice coefficient of two words with similar spelling ("restarant", "restaurant": 0.6). */
const MIN_DICE = 0.5
const MAX_RESULTS = 8

/**
 * The terms of a scope by letter trigram, to match misspelt words and other derivations of a word (Zamora, Pollock &
 * Zamora 1981; similarity: Dice 1945).
 */
export class Vocabulary {
  readonly #byGram = new Map<string, string[]>()

  add(term: string): void {
    for (const gram of gramsOf(term)) {
      const terms = this.#byGram.get(gram)
      if (terms) terms.push(term)
      else this.#byGram.set(gram, [term])
    }
  }

  remove(term: string): void {
    for (const gram of gramsOf(term)) {
      const terms = this.#byGram.get(gram)
      if (!terms) continue
      if (terms.length === 1) this.#byGram.delete(gram)
      else terms.splice(terms.indexOf(term), 1)
    }
  }

  /** Terms with a spelling similar to `term` and the same first letter, most similar first. */
  similarTo(term: string): string[] {
    const grams = gramsOf(term)
    const shared = new Map<string, number>()
    for (const gram of grams) {
      for (const other of this.#byGram.get(gram) ?? []) shared.set(other, (shared.get(other) ?? 0) + 1)
    }
    const found: [term: string, dice: number][] = []
    for (const [other, count] of shared) {
      const dice = (2 * count) / (grams.size + gramsOf(other).size)
      if (dice >= MIN_DICE && other[0] === term[0]) found.push([other, dice])
    }
    found.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    return found.slice(0, MAX_RESULTS).map(([other]) => other)
  }

  /** Compounds whose last part is `term`, shortest first. Reads the terms that have the rarest trigram of its end. */
  compoundsOf(term: string): string[] {
    let rarest: readonly string[] | undefined
    for (const gram of gramsOf(term)) {
      if (gram.startsWith('^')) continue
      const terms = this.#byGram.get(gram) ?? []
      if (!rarest || terms.length < rarest.length) rarest = terms
    }
    const found = (rarest ?? []).filter((other) => isCompoundOf(other, term))
    return found.sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).slice(0, MAX_RESULTS)
  }
}

/** Trigrams of a word with marked boundaries; empty for short words and for other scripts. */
function gramsOf(term: string): Set<string> {
  const grams = new Set<string>()
  if (term.length < MIN_LENGTH || !ALPHABETIC.test(term)) return grams
  const padded = `^${term}$`
  for (let at = 0; at + 3 <= padded.length; at++) grams.add(padded.slice(at, at + 3))
  return grams
}

const ALPHABETIC =
  /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Arabic}\p{Script=Hebrew}]+$/u
