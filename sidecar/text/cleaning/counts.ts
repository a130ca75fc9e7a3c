/** What cleaning removes from texts. */
export const CLEANED_KINDS = [
  'images',
  'audio',
  'binary',
  'thinking',
  'references',
  'combining_marks',
  'surrogates',
  'redacted',
  'acknowledgements',
] as const
type CleanedKind = (typeof CLEANED_KINDS)[number]

/** How often something was removed; kinds of which there was nothing are absent. */
export type CleanedCounts = Partial<Record<CleanedKind, number>>

export type Count = (kind: CleanedKind, amount?: number) => void

export function counterOf(counts: CleanedCounts): Count {
  return (kind, amount = 1) => {
    if (amount > 0) counts[kind] = (counts[kind] ?? 0) + amount
  }
}

/** Adds `more` to `counts`. */
export function addCounts(counts: CleanedCounts, more: CleanedCounts): void {
  const count = counterOf(counts)
  for (const kind of CLEANED_KINDS) count(kind, more[kind] ?? 0)
}
