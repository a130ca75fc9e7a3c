import { isFunctional } from '../../text/relations/labels.ts'
import { isArea, nameKey } from '../../text/relations/names.ts'

/** One statement of a relation. */
export interface Assertion {
  subject: string
  label: string
  object: string
  /** Since when it holds, epoch milliseconds. */
  at: number
  isAdditional: boolean
}

/**
 * Whether a later statement replaces an earlier one by its structure alone: the same subject, a label of which a subject
 * has one at a time, another object, a later time. What the structure leaves open is no conflict here: places of which
 * one contains the other, names that are part of each other, statements as one of several.
 */
export function replaces(later: Assertion, earlier: Assertion): boolean {
  return (
    later.subject === earlier.subject &&
    later.label === earlier.label &&
    isFunctional(later.label) &&
    later.at > earlier.at &&
    !later.isAdditional &&
    !earlier.isAdditional &&
    areDifferent(later.object, earlier.object, later.label)
  )
}

function areDifferent(one: string, other: string, label: string): boolean {
  const [a, b] = [nameKey(one), nameKey(other)]
  if (a.includes(b) || b.includes(a)) return false
  if (label === 'lives_in') return isArea(one) === isArea(other)
  return !isAbbreviation(a, b) && !isAbbreviation(b, a)
}

/** "bmw" of "bayerische motoren werke". */
function isAbbreviation(short: string, long: string): boolean {
  const words = long.split(/[\s-]+/)
  return words.length > 1 && words.map((word) => word.charAt(0)).join('') === short
}
