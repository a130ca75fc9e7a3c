import { describe } from '../../ports/errors.ts'
import type { LedgerRow } from './rows.ts'

/** Price of a model per million tokens, in one currency. */
export interface Price {
  in: number
  out: number
  /** Of prompt tokens that the provider had cached. @default the price of `in` */
  cached?: number | undefined
}

/** By model name. A name also covers the dated releases of that model. */
export type PriceList = ReadonlyMap<string, Price>

/** `tokens_cached` is part of `tokens_in`. */
export type PricedCall = Pick<LedgerRow, 'model' | 'tokens_in' | 'tokens_out' | 'tokens_cached' | 'outcome'>

/**
 * Returns the cost of a call, or `null` for a model without a price and for a successful call without a token count.
 * A failed call costs the tokens that the provider reported, mostly 0.
 */
export function costOf(call: PricedCall, prices: PriceList): number | null {
  const price = priceOf(call.model, prices)
  if (!price) return null
  const { in: perIn, out: perOut, cached: perCached = perIn } = price
  if (call.outcome === 'ok' && call.tokens_in === 0 && perIn + perOut > 0) return null
  const cached = Math.min(call.tokens_cached, call.tokens_in)
  return ((call.tokens_in - cached) * perIn + cached * perCached + call.tokens_out * perOut) / 1e6
}

/** `gpt-4o` covers `gpt-4o-2024-08-06` but not `gpt-4o-mini`: a wrong price is worse than none. */
function priceOf(model: string, prices: PriceList): Price | undefined {
  return prices.get(model) ?? prices.get(model.replace(RELEASE, ''))
}

/** Suffix of a release in the model names of OpenAI, Anthropic, Mistral and Ollama. */
const RELEASE = /[-@:](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$/

/** Per million tokens. */
const MAX_PRICE = 1_000_000
const MAX_NAME = 200
/** Without sign, exponent or currency. */
const NUMBER = /^(?:\d+(?:\.\d*)?|\.\d+)$/

/**
 * Parses a comma-separated list of `model=in/out[/cached]`, prices per million tokens.
 * @throws {Error} `expected X, got Y (pair N)`
 */
export function parsePrices(text: string): PriceList {
  const prices = new Map<string, Price>()
  const pairs = text.split(',').map((pair) => pair.trim())
  for (const [i, pair] of pairs.entries()) {
    if (pair === '') continue
    const refuse = (expected: string): never => {
      throw new Error(`expected ${expected}, got ${describe(pair)} (pair ${i + 1})`)
    }
    // The last equals sign, because model names may contain one.
    const equals = pair.lastIndexOf('=')
    const model = pair.slice(0, Math.max(0, equals)).trim()
    if (!/^\S+$/.test(model) || model.length > MAX_NAME) {
      refuse('model=in/out or model=in/out/cached, in prices per million tokens')
    }
    const numbers = pair
      .slice(equals + 1)
      .split('/')
      .map((number) => number.trim())
    if (numbers.length < 2 || numbers.length > 3) {
      refuse(
        'two or three prices per million tokens, in/out or in/out/cached (out is 0 for an embedding model)',
      )
    }
    if (numbers.some((number) => !NUMBER.test(number) || Number(number) > MAX_PRICE)) {
      refuse(`prices as plain numbers from 0 to ${MAX_PRICE}`)
    }
    const [perIn = 0, perOut = 0, perCached] = numbers.map(Number)
    // A higher price means that two of the three are swapped.
    if (perCached !== undefined && perCached > perIn) refuse('a cached price of at most the in price')
    if (prices.has(model)) refuse('each model once')
    prices.set(model, { in: perIn, out: perOut, ...(perCached === undefined ? {} : { cached: perCached }) })
  }
  return prices
}
