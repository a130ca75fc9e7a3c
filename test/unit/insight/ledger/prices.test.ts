import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { costOf, type PricedCall, parsePrices } from '../../../../sidecar/insight/ledger/prices.ts'

const call = (rest: Partial<PricedCall> = {}): PricedCall => ({
  model: 'gpt-4o-mini',
  tokens_in: 1_000_000,
  tokens_out: 1_000_000,
  tokens_cached: 0,
  outcome: 'ok',
  ...rest,
})

describe('prices', () => {
  it('are parsed from model=in/out and model=in/out/cached', () => {
    expect(
      parsePrices(' gpt-4o-mini = 0.15 / 0.60 / 0.075 ,openai/gpt-4o=2.5/10,llama3.1:8b=0/0,a=b=.5/1.,'),
    ).toEqual(
      new Map([
        ['gpt-4o-mini', { in: 0.15, out: 0.6, cached: 0.075 }],
        ['openai/gpt-4o', { in: 2.5, out: 10 }],
        ['llama3.1:8b', { in: 0, out: 0 }],
        ['a=b', { in: 0.5, out: 1 }],
      ]),
    )
    expect(parsePrices('').size).toBe(0)
  })

  it('are parsed for any model name', () => {
    const model = fc.stringMatching(/^[^\s,]{1,40}$/)
    const number = fc.integer({ min: 0, max: 100_000_000 }).map((n) => n / 100)
    const price = fc.record({ in: number, out: number })
    fc.assert(
      fc.property(fc.dictionary(model, price, { noNullPrototype: true }), (list) => {
        const text = Object.entries(list).map(([name, one]) => `${name}=${one.in}/${one.out}`)
        expect(Object.fromEntries(parsePrices(text.join(', ')))).toEqual(list)
      }),
    )
  })

  it.each([
    ['gpt-4o-mini', /^expected model=in\/out .*, got "gpt-4o-mini" \(pair 1\)$/],
    ['a=1/2,=1/2', /^expected model=in\/out .*, got "=1\/2" \(pair 2\)$/],
    ['two words=1/2', /^expected model=in\/out .*, got "two words=1\/2"/],
    ['a=1', /^expected two or three prices .*, got "a=1" \(pair 1\)$/],
    ['a=1/2/1/1', /^expected two or three prices .*, got "a=1\/2\/1\/1"/],
    ['a=0,15/0,60', /^expected two or three prices .*, got "a=0" \(pair 1\)$/],
    ['a=1/', /^expected prices as plain numbers .*, got "a=1\/"/],
    ['a=-1/2', /^expected prices as plain numbers/],
    ['a=$1/$2', /^expected prices as plain numbers/],
    ['a=1e3/2', /^expected prices as plain numbers/],
    ['a=NaN/Infinity', /^expected prices as plain numbers/],
    ['a=1/1000001', /^expected prices as plain numbers from 0 to 1000000/],
    ['a=0.15/0.075/0.6', /^expected a cached price of at most the in price/],
    ['a=1/2,a=1/3', /^expected each model once, got "a=1\/3" \(pair 2\)$/],
    ['{"gpt-4o":{"in":1}}', /^expected model=in\/out/],
  ])('reject %s', (text, message) => {
    expect(() => parsePrices(text)).toThrow(message)
  })
})

describe('the cost of a call', () => {
  const prices = parsePrices(
    'gpt-4o-mini=0.15/0.6/0.075,gpt-4o=2.5/10,local=0/0,text-embedding-3-small=0.02/0',
  )

  it('is the price of its tokens, with a separate price for cached ones', () => {
    expect(costOf(call(), prices)).toBeCloseTo(0.75)
    expect(costOf(call({ tokens_cached: 400_000 }), prices)).toBeCloseTo(0.09 + 0.03 + 0.6)
    expect(costOf(call({ model: 'gpt-4o', tokens_cached: 400_000 }), prices)).toBeCloseTo(12.5)
    expect(costOf(call({ model: 'text-embedding-3-small', tokens_out: 0 }), prices)).toBeCloseTo(0.02)
  })

  it('is null for a model without a price, even if its name starts like another', () => {
    for (const model of [
      'gpt-4',
      'gpt-4o-mini-tts',
      'gpt-4o-audio',
      'GPT-4o',
      'gpt-4o-',
      'constructor',
      '',
    ]) {
      expect([model, costOf(call({ model }), prices)]).toEqual([model, null])
    }
    expect(costOf(call(), new Map())).toBeNull()
  })

  it('uses the price of the model for a dated release without its own price', () => {
    for (const model of [
      'gpt-4o-2024-08-06',
      'gpt-4o-20240806',
      'gpt-4o-0806',
      'gpt-4o:latest',
      'gpt-4o@2024-08-06',
    ])
      expect([model, costOf(call({ model }), prices)]).toEqual([model, 12.5])
    const own = parsePrices('gpt-4o=2.5/10,gpt-4o-2024-05-13=5/15')
    expect(costOf(call({ model: 'gpt-4o-2024-05-13' }), own)).toBe(20)
  })

  it('is null without a token count, unless the price is 0 or the call failed', () => {
    const uncounted = { tokens_in: 0, tokens_out: 0 }
    expect(costOf(call(uncounted), prices)).toBeNull()
    expect(costOf(call({ ...uncounted, model: 'local' }), prices)).toBe(0)
    expect(costOf(call({ ...uncounted, outcome: 'timeout' }), prices)).toBe(0)
  })

  it('is never negative, even with more cached than sent tokens', () => {
    const tokens = fc.nat({ max: 1e9 })
    fc.assert(
      fc.property(tokens, tokens, tokens, (tokens_in, tokens_out, tokens_cached) => {
        const cost = costOf(
          call({ tokens_in, tokens_out, tokens_cached, outcome: 'timeout' }),
          prices,
        ) as number
        expect(cost).toBeGreaterThanOrEqual(0)
        expect(cost).toBeLessThanOrEqual((tokens_in * 0.15 + tokens_out * 0.6) / 1e6 + 1e-9)
      }),
    )
  })
})
