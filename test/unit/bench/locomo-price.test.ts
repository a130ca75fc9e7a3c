import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, it } from 'vitest'
import { bill, billOverOneStep, promptsOf } from '../../../bench/locomo/price.ts'
import type { PriceModel } from '../../../sidecar/experiments/price.ts'

const turn = (block: string, delta: string) => ({
  block,
  delta,
  tokens: countTokens([block, delta].filter(Boolean).join('\n')),
})

const words = (n: number, word = ' word') => word.repeat(n)
const MODEL: PriceModel = {
  ...{ cached: 0.1, written: 1, hasMarkers: false, systemTokens: 1000, minPrefix: 1024, step: 128 },
}

it('bills the shared prefix at the cached price, rounded down to whole steps', () => {
  const [block, delta] = [words(500), words(50)]
  expect(countTokens(block)).toBe(500)
  const deltaTokens = countTokens(`\n${delta}`)
  const first = bill(promptsOf([turn(block, delta)]), MODEL)
  expect(first).toMatchObject({ blockTokens: 500, reusable: 0, billed: 1500 + deltaTokens })
  const second = bill(promptsOf([turn(block, delta), turn(block, delta)]), MODEL)
  // 1408 is the largest multiple of 128 below 1500.
  expect(second.reusable).toBe(250)
  expect(second.billed).toBeCloseTo(1500 + deltaTokens - (0.9 * 1408) / 2)
})

it('bills the full price for a prefix below the minimum', () => {
  const turns = [turn('', words(50)), turn('', words(50))]
  const deltaTokens = countTokens(`\n${words(50)}`)
  expect(bill(promptsOf(turns), MODEL).billed).toBeCloseTo(1000 + deltaTokens)
  expect(bill(promptsOf(turns), { ...MODEL, systemTokens: 1100 }).billed).toBeCloseTo(
    1100 + deltaTokens - (0.9 * 1024) / 2,
  )
})

it('ends the shared prefix where the block changes', () => {
  const grown = words(300) + words(200, ' other')
  const { reusable } = bill(promptsOf([turn(words(500), ''), turn(grown, '')]), MODEL)
  expect(reusable).toBe(150)
})

const CLAUDE: PriceModel = { ...MODEL, written: 1.25, hasMarkers: true, systemTokens: 1100, step: 1 }

it('with cache markers, bills writes at their own price and a changed block in full', () => {
  const [block, grown] = [words(500), words(300) + words(200, ' other')]
  const first = 1.25 * 1600
  expect(bill(promptsOf([turn(block, '')]), CLAUDE).billed).toBeCloseTo(first)
  const kept = bill(promptsOf([turn(block, ''), turn(block, '')]), CLAUDE)
  expect(kept.billed).toBeCloseTo((first + 160) / 2)
  const changed = bill(promptsOf([turn(block, ''), turn(grown, '')]), CLAUDE)
  expect(changed.billed).toBeCloseTo((first + 110 + 1.25 * 500) / 2)
})

it('averages over one step, so that the bill grows evenly with the system prompt', () => {
  const turns = promptsOf(Array.from({ length: 100 }, () => turn(words(500), words(50))))
  const at = (systemTokens: number) => billOverOneStep(turns, { ...MODEL, systemTokens }).billed
  expect(at(1264) - at(1200)).toBeCloseTo(at(1328) - at(1264), 0)
})
