import { expect, it } from 'vitest'
import { type PriceModel, priceOf } from '../../../sidecar/experiments/price.ts'
import { billedTokens } from '../../../sidecar/experiments/replay/prompts.ts'

const MODEL: PriceModel = {
  ...{ cached: 0.1, written: 1, hasMarkers: false, systemTokens: 1000, minPrefix: 1024, step: 128 },
}
const first = { block: 500, shared: undefined, delta: 50 }

it('bills the shared prefix at the cached price, rounded down to whole steps', () => {
  expect(priceOf(first, MODEL)).toBe(1550)
  // 1408 is the largest multiple of 128 below 1500.
  expect(priceOf({ ...first, shared: 500 }, MODEL)).toBeCloseTo(1550 - 0.9 * 1408)
})

it('bills the full price for a prefix below the minimum', () => {
  const withoutBlock = { block: 0, shared: 0, delta: 50 }
  expect(priceOf(withoutBlock, MODEL)).toBe(1050)
  expect(priceOf(withoutBlock, { ...MODEL, systemTokens: 1100 })).toBeCloseTo(1150 - 0.9 * 1024)
})

it('ends the shared prefix where the block changes', () => {
  expect(priceOf({ ...first, shared: 300 }, MODEL)).toBeCloseTo(1550 - 0.9 * 1280)
})

it('with cache markers, bills writes at their own price and a changed block in full', () => {
  const marked: PriceModel = { ...MODEL, written: 1.25, hasMarkers: true, systemTokens: 1100, step: 1 }
  const block = { block: 500, delta: 0 }
  expect(priceOf({ ...block, shared: undefined }, marked)).toBeCloseTo(1.25 * 1600)
  expect(priceOf({ ...block, shared: 500 }, marked)).toBeCloseTo(160)
  expect(priceOf({ ...block, shared: 300 }, marked)).toBeCloseTo(110 + 1.25 * 500)
})

it('averages over one step, so that the bill grows evenly with the system prompt', () => {
  const at = (systemTokens: number) => billedTokens({ ...first, shared: 500 }, { ...MODEL, systemTokens })
  expect(at(1264) - at(1200)).toBeCloseTo(at(1328) - at(1264), 0)
})
