import type { PriceModel } from '../../sidecar/experiments/price.ts'

export interface Provider extends PriceModel {
  /** The price model in words. */
  name: string
}

/** The reference: the provider detects the shared prefix automatically, in steps. */
export const OPENAI: Provider = {
  name: 'cached prefix at 0.1, from 1024 tokens in steps of 128, free writes',
  systemTokens: 1200,
  cached: 0.1,
  written: 1,
  hasMarkers: false,
  minPrefix: 1024,
  step: 128,
}

export const PROVIDERS: readonly Provider[] = [
  OPENAI,
  { ...OPENAI, name: 'as above', systemTokens: 400 },
  { ...OPENAI, name: 'as above', systemTokens: 3000 },
  { ...OPENAI, name: 'cached prefix at 0.25', cached: 0.25 },
  { ...OPENAI, name: 'cached prefix at 0.5', cached: 0.5 },
  {
    name: 'marked prefix at 0.1, from 1024 tokens, writes at 1.25',
    systemTokens: 1200,
    cached: 0.1,
    written: 1.25,
    hasMarkers: true,
    minPrefix: 1024,
    step: 1,
  },
  { ...OPENAI, name: 'no prefix cache', cached: 1 },
]
