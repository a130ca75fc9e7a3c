import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { expect, it } from 'vitest'
import type { Turn } from '../../bench/locomo/chat.ts'
import { bill } from '../../bench/locomo/price.ts'

const turn = (block: string, delta: string) =>
  ({ result: { block, delta, tokens: countTokens([block, delta].filter(Boolean).join('\n')) } }) as Turn

const words = (n: number, word = ' word') => word.repeat(n)
const MODEL = { cached: 0.1, systemTokens: 1000, leastPrefix: 1024, step: 128 }

it('bills what a prompt does not begin with as the one before did, in whole steps', () => {
  const [block, delta] = [words(500), words(50)]
  expect(countTokens(block)).toBe(500)
  const deltaTokens = countTokens(`\n${delta}`)
  const first = bill([turn(block, delta)], MODEL)
  expect(first).toMatchObject({ blockTokens: 500, reusable: 0, billed: 1500 + deltaTokens })
  const second = bill([turn(block, delta), turn(block, delta)], MODEL)
  // 1408 of 1500 tokens are whole steps.
  expect(second.reusable).toBe(250)
  expect(second.billed).toBeCloseTo(1500 + deltaTokens - (0.9 * 1408) / 2)
})

it('gives nothing for a prefix that is too short', () => {
  const turns = [turn('', words(50)), turn('', words(50))]
  const deltaTokens = countTokens(`\n${words(50)}`)
  expect(bill(turns, MODEL).billed).toBeCloseTo(1000 + deltaTokens)
  expect(bill(turns, { ...MODEL, systemTokens: 1100 }).billed).toBeCloseTo(
    1100 + deltaTokens - (0.9 * 1024) / 2,
  )
})

it('breaks the prefix where a block changes', () => {
  const grown = words(300) + words(200, ' other')
  const { reusable } = bill([turn(words(500), ''), turn(grown, '')], MODEL)
  expect(reusable).toBe(150)
})
