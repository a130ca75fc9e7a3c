import type { FieldSettings } from './bm25.ts'

export interface RankSettings {
  fields: FieldSettings
  nameWeight: number
  dense: number
  speaker: number
}

export const DEFAULT_SETTINGS: RankSettings = {
  fields: { k1: 1.2, b: 0.5, before: 0.25, after: 0.25, second: 0.1 },
  nameWeight: 0.25,
  dense: 0.3,
  speaker: 0.2,
}
