import { normaliseForDuplicate } from '../model/verbatim.ts'

interface Said {
  speaker: string
  text: string
}

/** One spelling of a speaker: two that differ in case or spacing alone are one. */
export function speakerKeyOf(speaker: string): string {
  return normaliseForDuplicate(speaker)
}

/** Equal for two texts that one speaker said in the same words. */
export function duplicateKey({ speaker, text }: Said): string {
  return `${speakerKeyOf(speaker)}\n${normaliseForDuplicate(text)}`
}

/**
 * Of facts in the order said, those that are said again later: index → index of the last time. The last one stands
 * for all, so that what came between ("Leeds", "Porto", "Leeds after all") is before it.
 */
export function saidAgainLater(facts: readonly Said[]): Map<number, number> {
  const last = new Map<string, number>()
  const keys = facts.map(duplicateKey)
  for (const [index, key] of keys.entries()) last.set(key, index)
  const again = new Map<number, number>()
  for (const [index, key] of keys.entries()) {
    const stands = last.get(key) as number
    if (stands !== index) again.set(index, stands)
  }
  return again
}
