import { describe } from '../errors.ts'

/** What a model costs, in one currency, per million tokens. */
export interface Price {
  in: number
  out: number
  /** Of a prompt token that the provider had cached; that of `in`, if absent. */
  cached?: number | undefined
}

/** By model name. A name also covers the dated releases of its model, and no other model. */
export type PriceList = ReadonlyMap<string, Price>

export interface PricedCall {
  model: string
  tokensIn: number
  tokensOut: number
  /** Of `tokensIn`. */
  tokensCached: number
  ok: boolean
}

/**
 * The cost of a call, or `null` where it cannot be known: a model without a price, or an answer whose provider did
 * not count its tokens. A call that failed costs what the provider counted, mostly nothing.
 */
export function costOf(call: PricedCall, prices: PriceList): number | null {
  const price = priceOf(call.model, prices)
  if (!price) return null
  const { in: perIn, out: perOut, cached: perCached = perIn } = price
  if (call.ok && call.tokensIn === 0 && perIn + perOut > 0) return null
  const cached = Math.min(call.tokensCached, call.tokensIn)
  return ((call.tokensIn - cached) * perIn + cached * perCached + call.tokensOut * perOut) / 1e6
}

/** `gpt-4o` stands for `gpt-4o-2024-08-06` and not for `gpt-4o-mini`: a wrong price is worse than none. */
function priceOf(model: string, prices: PriceList): Price | undefined {
  return prices.get(model) ?? prices.get(model.replace(RELEASE, ''))
}

/** How OpenAI, Anthropic, Mistral and Ollama name the releases of one model. */
const RELEASE = /[-@:](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$/

/** Highest price that is taken for one, per million tokens. */
const MAX_PRICE = 1_000_000
const MAX_NAME = 200
/** Digits as a price list has them: no sign, no exponent, no currency. */
const NUMBER = /^(?:\d+(?:\.\d*)?|\.\d+)$/

/**
 * Reads `model=in/out[/cached]`, comma-separated, prices per million tokens; an empty text is an empty list.
 * @throws {Error} naming the pair, what was expected and what came
 */
export function parsePrices(text: string): PriceList {
  const prices = new Map<string, Price>()
  const pairs = text.split(',').map((pair) => pair.trim())
  for (const [i, pair] of pairs.entries()) {
    if (pair === '') continue
    const refuse = (expected: string): never => {
      throw new Error(`expected ${expected}, got ${describe(pair)} (pair ${i + 1})`)
    }
    // From the right: names hold slashes and colons, and may hold an equals sign.
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
        'two or three prices per million tokens, in/out or in/out/cached (an embedding has the out of 0)',
      )
    }
    if (numbers.some((number) => !NUMBER.test(number) || Number(number) > MAX_PRICE)) {
      refuse(`prices that are plain numbers from 0 to ${MAX_PRICE}`)
    }
    const [perIn = 0, perOut = 0, perCached] = numbers.map(Number)
    // Else two of the three have changed places.
    if (perCached !== undefined && perCached > perIn)
      refuse('a price of cached tokens that is at most that of in')
    if (prices.has(model)) refuse('each model once')
    prices.set(model, { in: perIn, out: perOut, ...(perCached === undefined ? {} : { cached: perCached }) })
  }
  return prices
}
