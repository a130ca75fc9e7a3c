import { detectLexicalFeatures } from '../../text/lexical-features.ts'
import type { Reading } from '../../text/tokens.ts'

/** What can be seen of a memory without any question. */
export interface Traits {
  /** Names a moment ("yesterday", "in May"). */
  moment: boolean
  number: boolean
  /** Has a capitalised word inside a sentence: a name, in scripts that have capitals. */
  name: boolean
  /** How likely it is to hold a fact at all, 0…1. */
  informative: number
}

/** Traits of a memory's raw text and its reading. */
export function traitsOf(text: string, { normal, words, language }: Reading): Traits {
  const plain = words.filter((word) => word.kind !== 'gram')
  const features = detectLexicalFeatures(
    normal,
    plain.map((word) => word.text),
    language,
  )
  return {
    moment: features.timeExpression,
    number: features.numeral || plain.some((word) => word.kind === 'number'),
    name: INNER_NAME.test(text),
    informative: informative(
      features.firstPerson,
      features.secondPerson,
      features.timeExpression,
      plain.length,
    ),
  }
}

const INNER_NAME = /[\p{Ll},;] (?!I\b)\p{Lu}\p{Ll}+/u
const SHORT = 4
const LONG = 64

/**
 * A prior that does not depend on the question, as a sum of log odds with round constants (priors in
 * retrieval: Kraaij, Westerveld & Hiemstra 2002). Chat is full of reactions ("you did great!"), and
 * what gets asked about later is what people told: of themselves, with a time to it, at some length.
 */
function informative(first: boolean, second: boolean, moment: boolean, length: number): number {
  const subject = first && !second ? 0.5 : second && !first ? -1 : 0
  const size = Math.log(Math.min(LONG, Math.max(SHORT, length)) / SHORT)
  const most = 0.5 + 1 + 1 + Math.log(LONG / SHORT)
  return (1 + subject + (moment ? 1 : 0) + size) / most
}
