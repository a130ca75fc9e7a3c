/** Letters of the last part of a compound, at least: shorter words end too many others. */
const MIN_HEAD = 4
/** Letters before it, at least: a shorter rest is mostly a prefix or chance ("st-ring"). */
const MIN_REST = 3
/** Letters of a compound: a shorter word ends in another by chance ("Kompass"), a longer one is not looked into. */
const MIN_LENGTH = 8
const MAX_LENGTH = 60

/** Scripts whose words are not indexed by bigrams too. */
const ALPHABETIC = /^[\p{L}\p{M}]+$/u

/** Whether a term may be a compound whose last part is `head`: "reisepass" of "pass", "загранпаспорт" of "паспорт". */
export function isCompoundOf(term: string, head: string): boolean {
  return (
    head.length >= MIN_HEAD &&
    term.length >= Math.max(MIN_LENGTH, head.length + MIN_REST) &&
    term.endsWith(head)
  )
}

/** The possible last parts of a term, longest first. Only words that are known elsewhere are parts. */
export function possibleHeads(term: string): string[] {
  if (term.length < MIN_LENGTH || term.length > MAX_LENGTH || !ALPHABETIC.test(term)) return []
  const count = term.length - MIN_REST - MIN_HEAD + 1
  return Array.from({ length: count }, (_, i) => term.slice(MIN_REST + i))
}
