import { countTokens, encode } from 'gpt-tokenizer/encoding/o200k_base'
import type { StrategyResult } from '../../sidecar/recall/strategies/request.ts'

/** A prompt as far as its price goes, in o200k tokens. It is: system prompt, block, window of the chat, delta, query. */
export interface Prompt {
  /** Tokens of memory. */
  memory: number
  block: number
  /** Of the block's tokens, those with which the block before began as well; `undefined` for the first prompt. */
  common: number | undefined
  /** Tokens of the delta, with the line break before it. */
  delta: number
}

/**
 * What a provider bills for prompts that follow one another. What begins a prompt as it began the one before costs
 * `cached`. Per query all memory is in the delta, where it disturbs the prefix least. Window and query cost the same
 * under every strategy, and are left out; that a window which has not begun to slide would be in the prefix too is
 * left out as well, under every strategy.
 */
export interface PriceModel {
  /** Price of a token in the prefix; others cost 1. */
  cached: number
  /** Price of a token that goes into the cache; 1 where storing is free. */
  written: number
  /** A changed block is not in the prefix at all: what is cached ends at marks, here after system prompt and block. */
  isMarked: boolean
  systemTokens: number
  leastPrefix: number
  step: number
}

/** Means over prompts. */
export interface Bill {
  /** Tokens of memory in the prompt. */
  tokens: number
  blockTokens: number
  /** Of the block's tokens, those with which the prompt before began as well. */
  reusable: number
  /** Full-price tokens that system prompt and memory come to. */
  billed: number
}

export function promptsOf(results: readonly Pick<StrategyResult, 'block' | 'delta' | 'tokens'>[]): Prompt[] {
  let before: { text: string; tokens: number[] } | undefined
  return results.map((result) => {
    // A block that stays is not counted again.
    const block =
      result.block === before?.text ? before : { text: result.block, tokens: encode(result.block) }
    const common = before && commonPrefix(block.tokens, before.tokens)
    before = block
    const delta = result.delta === '' ? 0 : countTokens(`\n${result.delta}`)
    return { memory: result.tokens, block: block.tokens.length, common, delta }
  })
}

/** Means over the prompts of one chat. */
export function bill(prompts: readonly Prompt[], model: PriceModel): Bill {
  const mean = (of: (prompt: Prompt) => number) =>
    prompts.reduce((sum, prompt) => sum + of(prompt), 0) / prompts.length
  return {
    tokens: mean(({ memory }) => memory),
    blockTokens: mean(({ block }) => block),
    reusable: mean(({ common }) => common ?? 0),
    billed: mean((prompt) => priceOf(prompt, model)),
  }
}

/** For a provider whose steps fall somewhere: the mean over the lengths of system prompts within one step. */
export function billAnywhere(prompts: readonly Prompt[], model: PriceModel): Bill {
  if (model.step === 1) return bill(prompts, model)
  const bills = Array.from({ length: SPREAD }, (_, i) => {
    const shift = Math.round(((i + 0.5) / SPREAD - 0.5) * model.step)
    return bill(prompts, { ...model, systemTokens: model.systemTokens + shift })
  })
  const billed = bills.reduce((sum, one) => sum + one.billed, 0) / SPREAD
  return { ...(bills[0] as Bill), billed }
}

const SPREAD = 8

function priceOf({ block, common, delta }: Prompt, model: PriceModel): number {
  const { cached, written, isMarked, systemTokens, leastPrefix, step } = model
  const whole = systemTokens + block
  const same = common === undefined ? 0 : systemTokens + (isMarked && common < block ? 0 : common)
  const stepped = Math.floor(same / step) * step
  const prefix = stepped < leastPrefix ? 0 : stepped
  const isStored = whole >= leastPrefix
  return cached * prefix + (isStored ? written : 1) * (whole - prefix) + delta
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}
