import { countTokens, encode } from 'gpt-tokenizer/encoding/o200k_base'
import { type PriceModel, type Prompt, priceOf } from '../../sidecar/experiments/price.ts'
import type { StrategyResult } from '../../sidecar/retrieval/strategies/request.ts'

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

function commonPrefixLength(a: readonly number[], b: readonly number[]): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}
