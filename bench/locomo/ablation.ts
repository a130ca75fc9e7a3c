import { DEFAULT_SETTINGS, type RankSettings } from '../../sidecar/recall/index/settings.ts'
import type { Settings } from './evaluate.ts'

export interface Variant {
  name: string
  settings: Settings
}

const NOTHING = { dense: 0, speaker: 0, session: 0, temporal: 0, answer: 0, informative: 0 }
const ALONE = { before: 0, after: 0, second: 0 }
const PLAIN = { synonyms: 0, members: 0, alike: 0, asking: 1 }

/** From the memory's own words to all signals, one step at a time. */
export const STEPS: Variant[] = [
  { name: 'own words', settings: { weights: NOTHING, fields: ALONE, expansion: { ...PLAIN, name: 1 } } },
  {
    name: '+ speaker',
    settings: { weights: { ...NOTHING, speaker: 0.2 }, fields: ALONE, expansion: PLAIN },
  },
  { name: '+ neighbours', settings: { weights: { ...NOTHING, speaker: 0.2 }, expansion: PLAIN } },
  { name: '+ related words', settings: { weights: { ...NOTHING, speaker: 0.2 } } },
  { name: '+ session', settings: { weights: { ...NOTHING, speaker: 0.2, session: 0.4 } } },
  { name: '+ informative', settings: { weights: { dense: 0, temporal: 0, answer: 0 } } },
  { name: '+ dates', settings: { weights: { dense: 0, answer: 0 } } },
  { name: '+ answer kind', settings: { weights: { dense: 0 } } },
  { name: '+ dense = all', settings: {} },
]

/** All signals but one. */
export const WITHOUT: Variant[] = [
  { name: 'no neighbours', settings: { fields: ALONE } },
  { name: 'no related words', settings: { expansion: { synonyms: 0, members: 0 } } },
  { name: 'no asking words', settings: { expansion: { asking: 1 } } },
  ...Object.keys(NOTHING).map((name) => ({ name: `no ${name}`, settings: { weights: { [name]: 0 } } })),
]

/** Every constant halved and doubled, for leave-one-out: what choosing on the data would have gained. */
export function variations(): Variant[] {
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
