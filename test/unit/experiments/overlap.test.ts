import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { overlapAt, rankBiasedOverlap } from '../../../sidecar/experiments/overlap.ts'

const ids = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 })

describe('overlapAt', () => {
  it('is the share of the best k that were injected', () => {
    expect(overlapAt(2, ['a', 'b', 'c'], ['c', 'b'])).toBe(0.5)
    expect(overlapAt(10, ['a', 'b', 'c'], ['c', 'b'])).toBeCloseTo(2 / 3)
    expect(overlapAt(10, [], ['c'])).toBe(1)
    expect(overlapAt(10, ['c'], [])).toBe(0)
  })
})

describe('rankBiasedOverlap', () => {
  it('has the values of its definition', () => {
    // Two rankings of two: agreement 0 at depth 1 and 1 at depth 2, so RBO = p with the extrapolated tail.
    expect(rankBiasedOverlap(['a', 'b'], ['b', 'a'], 0.9)).toBeCloseTo(0.9)
    // Agreement 1 at depth 1 and 1/2 at depth 2: (1-p) + (1/2)(1-p)p + (1/2)p² .
    expect(rankBiasedOverlap(['a', 'b'], ['a', 'c'], 0.9)).toBeCloseTo(0.1 + 0.5 * 0.1 * 0.9 + 0.5 * 0.81)
  })

  it('is symmetric, 1 for equal rankings, 0 for disjoint ones, and otherwise between', () => {
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const value = rankBiasedOverlap(a, b)
        expect(rankBiasedOverlap(b, a)).toBeCloseTo(value, 12)
        expect(rankBiasedOverlap(a, a)).toBeCloseTo(1, 12)
        expect(value).toBeGreaterThanOrEqual(0)
        expect(value).toBeLessThanOrEqual(1 + 1e-12)
        const isDisjoint = !a.some((id) => b.includes(id))
        if (isDisjoint) expect(value).toBe(a.length + b.length === 0 ? 1 : 0)
        else expect(value).toBeGreaterThan(0)
      }),
    )
  })

  it('counts an agreement more the higher it is ranked', () => {
    const top = rankBiasedOverlap(['a', 'b', 'c', 'd'], ['a', 'x', 'y', 'z'])
    const bottom = rankBiasedOverlap(['a', 'b', 'c', 'd'], ['x', 'y', 'z', 'd'])
    expect(top).toBeGreaterThan(bottom)
  })
})
