import { type PriceModel, type Prompt, priceOf } from '../price.ts'

const AUTOMATIC: PriceModel = {
  cached: 0.1,
  written: 1,
  hasMarkers: false,
  systemTokens: 1200,
  minPrefix: 1024,
  step: 128,
}

/** How providers bill a prompt with a cached prefix, by name. */
export const PRICE_MODELS = {
  /** The provider detects the prefix, in steps of 128 tokens from 1024 on; it costs a tenth. */
  automatic: AUTOMATIC,
  /** The prefix ends at markers; reading it costs a tenth, writing it 1.25. */
  marked: { ...AUTOMATIC, written: 1.25, hasMarkers: true, step: 1 },
  none: { ...AUTOMATIC, cached: 1 },
} as const satisfies Record<string, PriceModel>

export type PriceModelName = keyof typeof PRICE_MODELS
export const PRICE_MODEL_NAMES = Object.keys(PRICE_MODELS) as PriceModelName[]

/** Lengths of the system prompt over which a price is averaged, so that rounding to steps favours no strategy. */
const SPREAD = 8

/** Price of system prompt and memory, in full-price tokens. */
export function billedTokens(prompt: Omit<Prompt, 'memory'>, model: PriceModel): number {
  if (model.step === 1) return priceOf(prompt, model)
  let sum = 0
  for (let i = 0; i < SPREAD; i++) {
    const shift = Math.round(((i + 0.5) / SPREAD - 0.5) * model.step)
    sum += priceOf(prompt, { ...model, systemTokens: model.systemTokens + shift })
  }
  return sum / SPREAD
}
