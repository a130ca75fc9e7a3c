import { DEFAULT_SETTINGS, type RankSettings } from '../../sidecar/retrieval/ranking/settings.ts'
import type { Settings } from './evaluate.ts'

export interface Variant {
  name: string
  settings: Settings
}

const OWN_TEXT_ONLY = { turn: 0, before: 0, after: 0, second: 0 }

/** All signals except one. */
export const WITHOUT: Variant[] = [
  { name: 'no neighbours', settings: { fields: OWN_TEXT_ONLY } },
  { name: 'no related words', settings: { expansion: { related: 0 } } },
  { name: 'no asking words', settings: { expansion: { asking: 1 } } },
  ...Object.keys(DEFAULT_SETTINGS.weights).map((name) => ({
    name: `no ${name}`,
    settings: { weights: { [name]: 0 } },
  })),
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
