import { countTokens, encode } from 'gpt-tokenizer/encoding/o200k_base'
import type { Turn } from './chat.ts'

/**
 * What a provider bills for prompts that follow one another. A prompt is: a system prompt that never changes, the
 * block, the window of the chat, the delta, the query. What begins a prompt as it began the one before costs a tenth
 * (the price of cached input at OpenAI and Anthropic in 2026), counted in whole steps and from a least prefix on;
 * storing is free, as at OpenAI. Per query all memory is in the delta, where it disturbs the prefix least. Window and
 * query cost the same under every strategy, and are left out; that a window which has not begun to slide would be in
 * the prefix too is left out as well, under every strategy.
 */
export interface PriceModel {
  /** Price of a token in the prefix; others cost 1. */
  cached: number
  systemTokens: number
  leastPrefix: number
  step: number
}

export interface Bill {
  /** Tokens of memory in the prompt. */
  tokens: number
  blockTokens: number
  /** Of the block's tokens, those with which the prompt before began as well. */
  reusable: number
  /** Full-price tokens that system prompt and memory come to. */
  billed: number
}

/** Means over the turns of one chat. */
export function bill(turns: readonly Turn[], { cached, systemTokens, leastPrefix, step }: PriceModel): Bill {
  const sum: Bill = { tokens: 0, blockTokens: 0, reusable: 0, billed: 0 }
  let before: number[] | undefined
  for (const { result } of turns) {
    const block = encode(result.block)
    const common = before ? commonPrefix(block, before) : 0
    const whole = before ? Math.floor((systemTokens + common) / step) * step : 0
    const prefix = whole < leastPrefix ? 0 : whole
    const delta = result.delta === '' ? 0 : countTokens(`\n${result.delta}`)
    sum.tokens += result.tokens
    sum.blockTokens += block.length
    sum.reusable += common
    sum.billed += systemTokens + block.length + delta - (1 - cached) * prefix
    before = block
  }
  for (const key of Object.keys(sum) as (keyof Bill)[]) sum[key] /= turns.length
  return sum
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}
