import data from '../data/relation-labels.json' with { type: 'json' }
import { normalise } from '../terms/normalise.ts'
import { SELF } from './relations.ts'

function keyOf(text: string): string {
  return normalise(text)
    .trim()
    .replace(/[\s_-]+/g, '_')
}

const CANONICAL = new Map(
  Object.entries(data.synonyms).flatMap(([label, synonyms]) =>
    [label, ...synonyms.split(' ')].map((synonym) => [keyOf(synonym), label] as const),
  ),
)
const FUNCTIONAL = new Set(data.functional)
const SELF_NAMES = new Set(data.self.split(' ').map(keyOf))

/** One label for labels that say the same: `moved to` and `resides_in` are `lives_in`. Unknown labels in snake case. */
export function canonicalLabel(label: string): string {
  const key = keyOf(label)
  return CANONICAL.get(key) ?? key
}

/** Whether a subject has one such relation at a time, so that a later one replaces it. */
export function isFunctional(label: string): boolean {
  return FUNCTIONAL.has(label)
}

/** The name under which the speaker is stored: models write "User", "I", "ユーザー" or the speaker's name. */
export function canonicalName(name: string, speaker: string): string {
  const key = keyOf(name)
  return SELF_NAMES.has(key) || key === keyOf(speaker) ? SELF : name
}
