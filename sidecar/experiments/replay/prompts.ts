import { LRUCache } from 'lru-cache'
import type { StrategyResult } from '../../retrieval/strategies/request.ts'
import { type PriceModel, type Prompt, priceOf } from '../price.ts'

const AUTOMATIC: PriceModel = {
  cached: 0.1,
  written: 1,
  hasMarkers: false,
  systemTokens: 1200,
  minPrefix: 1024,
  step: 128,
}

/** Ways in which providers bill a prompt whose beginning they have seen, by name. */
export const PRICE_MODELS = {
  /** The prefix is found by itself, in steps of 128 tokens from 1024 on, and costs a tenth. */
  automatic: AUTOMATIC,
  /** The prefix ends at markers, costs a tenth, and 1.25 to write. */
  marked: { ...AUTOMATIC, written: 1.25, hasMarkers: true, step: 1 },
  none: { ...AUTOMATIC, cached: 1 },
} as const satisfies Record<string, PriceModel>

export type PriceModelName = keyof typeof PRICE_MODELS
export const PRICE_MODEL_NAMES = Object.keys(PRICE_MODELS) as PriceModelName[]

/** System prompts over which a price is averaged, so that rounding to steps favours no strategy. */
const SPREAD = 8
/** Conversations whose last block is remembered. */
const MAX_CONVERSATIONS = 1000

/** Price of system prompt and memory, in full-price tokens. */
export function billedTokens(prompt: Prompt, model: PriceModel): number {
  if (model.step === 1) return priceOf(prompt, model)
  let sum = 0
  for (let i = 0; i < SPREAD; i++) {
    const shift = Math.round(((i + 0.5) / SPREAD - 0.5) * model.step)
    sum += priceOf(prompt, { ...model, systemTokens: model.systemTokens + shift })
  }
  return sum / SPREAD
}

/** Compares each prompt with the one before it in its conversation. */
export class PromptMeter {
  readonly #encode: (text: string) => number[]
  readonly #blocks = new LRUCache<string, { text: string; tokens: number[] }>({ max: MAX_CONVERSATIONS })

  constructor(encode: (text: string) => number[]) {
    this.#encode = encode
  }

  measure(
    conversation: string,
    { block: text, tokens: memory }: Pick<StrategyResult, 'block' | 'tokens'>,
  ): Prompt {
    const previous = this.#blocks.get(conversation)
    // An unchanged block is not tokenized again.
    const block = text === previous?.text ? previous : { text, tokens: this.#encode(text) }
    this.#blocks.set(conversation, block)
    const shared = previous && commonPrefixLength(block.tokens, previous.tokens)
    return { memory, block: block.tokens.length, shared, delta: memory - block.tokens.length }
  }
}

function commonPrefixLength(a: readonly number[], b: readonly number[]): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}
