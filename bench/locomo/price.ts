import { countTokens, encode } from 'gpt-tokenizer/encoding/o200k_base'
import type { StrategyResult } from '../../sidecar/retrieval/strategies/request.ts'

/** The parts of a prompt that determine its price, in o200k tokens. Order: system prompt, block, window, delta, query. */
export interface Prompt {
  /** Memory tokens: block and delta. */
  memory: number
  block: number
  /** Length of the prefix that this block shares with the previous block; `undefined` for the first prompt. */
  shared: number | undefined
  /** Delta tokens, including the line break before it. */
  delta: number
}

/**
 * How a provider bills consecutive prompts. Tokens of the prefix shared with the previous prompt cost `cached`. Under
 * `per_query` all memory is in the delta, after the prefix. Window and query cost the same under every strategy, so
 * the model ignores them; it also ignores that a window which does not slide yet belongs to the prefix.
 */
export interface PriceModel {
  /** Price of a cached prefix token; other tokens cost 1. */
  cached: number
  /** Price of a token written to the cache; 1 if writing is free. */
  written: number
  /** Whether the cache ends at explicit markers (after the system prompt and after the block), so that a changed block is not cached at all. */
  hasMarkers: boolean
  systemTokens: number
  /** Shortest prefix that is cached, tokens. */
  minPrefix: number
  /** Granularity of the cached prefix, tokens. */
  step: number
}

/** Means over the prompts of a chat. */
export interface Bill {
  /** Memory tokens in the prompt. */
  tokens: number
  blockTokens: number
  /** Block tokens shared with the previous prompt. */
  reusable: number
  /** Price of system prompt and memory, in full-price tokens. */
  billed: number
}

export function promptsOf(results: readonly Pick<StrategyResult, 'block' | 'delta' | 'tokens'>[]): Prompt[] {
  let previous: { text: string; tokens: number[] } | undefined
  return results.map((result) => {
    // An unchanged block is not tokenized again.
    const block =
      result.block === previous?.text ? previous : { text: result.block, tokens: encode(result.block) }
    const shared = previous && commonPrefixLength(block.tokens, previous.tokens)
    previous = block
    const delta = result.delta === '' ? 0 : countTokens(`\n${result.delta}`)
    return { memory: result.tokens, block: block.tokens.length, shared, delta }
  })
}

/** Computes the means over the prompts of one chat. */
export function bill(prompts: readonly Prompt[], model: PriceModel): Bill {
  const mean = (of: (prompt: Prompt) => number) =>
    prompts.reduce((sum, prompt) => sum + of(prompt), 0) / prompts.length
  return {
    tokens: mean(({ memory }) => memory),
    blockTokens: mean(({ block }) => block),
    reusable: mean(({ shared }) => shared ?? 0),
    billed: mean((prompt) => priceOf(prompt, model)),
  }
}

/** Averages the bill over system prompts whose lengths spread over one caching step, so that rounding favours none. */
export function billOverOneStep(prompts: readonly Prompt[], model: PriceModel): Bill {
  if (model.step === 1) return bill(prompts, model)
  const bills = Array.from({ length: SPREAD }, (_, i) => {
    const shift = Math.round(((i + 0.5) / SPREAD - 0.5) * model.step)
    return bill(prompts, { ...model, systemTokens: model.systemTokens + shift })
  })
  const billed = bills.reduce((sum, one) => sum + one.billed, 0) / SPREAD
  return { ...(bills[0] as Bill), billed }
}

const SPREAD = 8

function priceOf({ block, shared, delta }: Prompt, model: PriceModel): number {
  const { cached, written, hasMarkers, systemTokens, minPrefix, step } = model
  const cacheable = systemTokens + block
  const unchanged = shared === undefined ? 0 : systemTokens + (hasMarkers && shared < block ? 0 : shared)
  const rounded = Math.floor(unchanged / step) * step
  const prefix = rounded < minPrefix ? 0 : rounded
  const isWritten = cacheable >= minPrefix
  return cached * prefix + (isWritten ? written : 1) * (cacheable - prefix) + delta
}

function commonPrefixLength(a: readonly number[], b: readonly number[]): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}
