import { offloaded } from '../workers/worker-pool.ts'
import { replaceBinary } from './binary.ts'
import { type CleanedCounts, type Count, counterOf } from './counts.ts'
import { removeLoneReferences, removeMachinery } from './machinery.ts'
import { type RedactedKind, redact } from './redact.ts'

export interface CleanInput {
  texts: readonly { role: 'user' | 'assistant' | 'system'; content: string }[]
  redact: readonly RedactedKind[]
}

export interface Cleaned {
  /** In the order of the input. */
  texts: string[]
  counts: CleanedCounts
}

/** Most combining marks per character; longer runs make Unicode normalisation slow. */
const MARKS_PER_CHARACTER = 4
const EXCESS_MARKS = new RegExp(`(?<=\\p{M}{${MARKS_PER_CHARACTER}})\\p{M}+`, 'gu')
const SURROGATES = /\p{Surrogate}/gu

/** `cleanTexts`, in a worker thread when there is much text. */
export const clean = offloaded(import.meta.url, cleanTexts, ({ texts }) =>
  texts.reduce((sum, { content }) => sum + content.length, 0),
)

/**
 * Prepares texts for everything that follows: storing, embedding and prompting. Removes embedded data, the machinery of
 * a model in its answers, excess combining marks, lone surrogates, and what the rules of the app redact. Pure, and linear
 * in the length of the texts; a text with nothing to remove stays the same.
 */
export function cleanTexts({ texts, redact: kinds }: CleanInput): Cleaned {
  const counts: CleanedCounts = {}
  const count = counterOf(counts)
  const cleaned = texts.map(({ role, content }) => {
    const text = replaceBinary(toWellFormed(content, count), count)
    const said = role === 'assistant' ? removeMachinery(text, count) : removeLoneReferences(text, count)
    return redact(limitMarks(said, count), kinds, count)
  })
  return { texts: cleaned, counts }
}

function toWellFormed(text: string, count: Count): string {
  if (text.isWellFormed()) return text
  count('surrogates', text.match(SURROGATES)?.length)
  return text.toWellFormed()
}

function limitMarks(text: string, count: Count): string {
  return text.replace(EXCESS_MARKS, (marks) => {
    count('combining_marks', marks.length)
    return ''
  })
}
