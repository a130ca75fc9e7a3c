import type { PriceModel } from './price.ts'

export interface Provider extends PriceModel {
  /** What it costs, in words. */
  name: string
}

const FREE_TO_STORE = { cached: 0.1, written: 1, isMarked: false, leastPrefix: 1024, step: 128 }

/** What is reached for: a prefix is found by itself, in steps. */
export const OPENAI: Provider = {
  ...{
    name: 'A prefix costs 0.1 from 1024 tokens on, in steps of 128, and storing is free',
    systemTokens: 1200,
  },
  ...FREE_TO_STORE,
}

export const PROVIDERS: readonly Provider[] = [
  OPENAI,
  { ...OPENAI, name: 'the same', systemTokens: 400 },
  { ...OPENAI, name: 'the same', systemTokens: 3000 },
  { ...OPENAI, name: 'a prefix costs 0.25', cached: 0.25 },
  { ...OPENAI, name: 'a prefix costs 0.5', cached: 0.5 },
  {
    ...{ name: 'storing costs 1.25, a marked prefix 0.1, from 1024 tokens on', systemTokens: 1200 },
    ...{ cached: 0.1, written: 1.25, isMarked: true, leastPrefix: 1024, step: 1 },
  },
  { ...OPENAI, name: 'no prefix cache', cached: 1 },
]
