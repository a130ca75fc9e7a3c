import { normalise } from './normalise.ts'
import { segment } from './segment.ts'

/** Normalised name of a speaker: its words in lower case. */
export function nameKey(name: string): string {
  return segment(normalise(name))
    .flatMap((word) => (word.kind === 'gram' ? [] : [word.text]))
    .join(' ')
}
