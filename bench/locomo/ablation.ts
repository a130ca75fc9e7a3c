import { DEFAULT_SETTINGS, type RankSettings } from '../../sidecar/retrieval/ranking/settings.ts'
import type { Settings } from './evaluate.ts'

export interface Variant {
  name: string
  settings: Settings
}

const NO_SIGNALS = { dense: 0, speaker: 0, session: 0, temporal: 0, answer: 0, informative: 0 }
const OWN_TEXT_ONLY = { before: 0, after: 0, second: 0 }
const NO_EXPANSION = { synonyms: 0, members: 0, asking: 1 }

/** Adds the signals one by one, starting from the words of the memory itself. */
export const STEPS: Variant[] = [
  {
    name: 'own words',
    settings: { weights: NO_SIGNALS, fields: OWN_TEXT_ONLY, expansion: { ...NO_EXPANSION, name: 1 } },
  },
  {
    name: '+ speaker',
    settings: { weights: { ...NO_SIGNALS, speaker: 0.2 }, fields: OWN_TEXT_ONLY, expansion: NO_EXPANSION },
  },
  { name: '+ neighbours', settings: { weights: { ...NO_SIGNALS, speaker: 0.2 }, expansion: NO_EXPANSION } },
  { name: '+ related words', settings: { weights: { ...NO_SIGNALS, speaker: 0.2 } } },
  { name: '+ session', settings: { weights: { ...NO_SIGNALS, speaker: 0.2, session: 0.4 } } },
  { name: '+ informative', settings: { weights: { dense: 0, temporal: 0, answer: 0 } } },
  { name: '+ dates', settings: { weights: { dense: 0, answer: 0 } } },
  { name: '+ answer kind', settings: { weights: { dense: 0 } } },
  { name: '+ dense = all', settings: {} },
]

/** All signals except one. */
export const WITHOUT: Variant[] = [
  { name: 'no neighbours', settings: { fields: OWN_TEXT_ONLY } },
  { name: 'no related words', settings: { expansion: { synonyms: 0, members: 0 } } },
  { name: 'no asking words', settings: { expansion: { asking: 1 } } },
  ...Object.keys(NO_SIGNALS).map((name) => ({ name: `no ${name}`, settings: { weights: { [name]: 0 } } })),
]

/** Each constant halved and doubled. Leave-one-out shows what fitting the constants to the data would gain. */
export function createVariations(): Variant[] {
  const variants: Variant[] = [{ name: 'as is', settings: {} }]
  for (const group of Object.keys(DEFAULT_SETTINGS) as (keyof RankSettings)[]) {
    for (const [name, value] of Object.entries(DEFAULT_SETTINGS[group]) as [string, number][]) {
      if (name === 'lexical') continue
      for (const factor of [0.5, 2]) {
        const changed = name === 'b' ? Math.min(1, value * factor) : value * factor
        variants.push({ name: `${name} × ${factor}`, settings: { [group]: { [name]: changed } } })
      }
    }
  }
  return variants
}
