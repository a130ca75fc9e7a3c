import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isInWindow, mayServe, servesUntilTurn } from '../../../../sidecar/memory/model/window-rule.ts'

/** The turns in Dify's window of size `n` at turn `d`, by Dify's formula, oldest first. */
function difyWindow(d: number, n: number): number[] {
  const turns: number[] = []
  for (let turn = Math.max(1, d - n + 1); turn <= d - 1; turn++) turns.push(turn)
  return turns
}

describe('a value built at watermark w', () => {
  it('may be served at turn d exactly when value and window together cover all earlier turns', () => {
    for (let n = 2; n <= 14; n++) {
      for (let w = 0; w <= 20; w++) {
        for (let d = w + 1; d <= 40; d++) {
          const shown = new Set(difyWindow(d, n))
          const unseen: number[] = []
          for (let turn = 1; turn < d; turn++) if (turn > w && !shown.has(turn)) unseen.push(turn)
          expect({ d, w, n, serve: mayServe(d, w, n) }).toEqual({ d, w, n, serve: unseen.length === 0 })
        }
      }
    }
  })

  it('is never served to a window without earlier turns', () => {
    const turns = fc.integer({ min: 0, max: 2 ** 31 - 1 })
    fc.assert(
      fc.property(turns, turns, fc.constantFrom(0, 1), (d, w, n) => {
        expect(mayServe(d, w, n)).toBe(false)
        expect(servesUntilTurn(w, n)).toBeNull()
      }),
    )
  })

  it('is served at every turn up to its last and at none after it', () => {
    const watermark = fc.integer({ min: 0, max: 2 ** 31 - 1 })
    fc.assert(
      fc.property(watermark, fc.integer({ min: 2, max: 500 }), fc.nat(1000), (w, n, back) => {
        const last = servesUntilTurn(w, n) as number
        expect(mayServe(last, w, n)).toBe(true)
        expect(mayServe(last - back, w, n)).toBe(true)
        expect(mayServe(last + 1 + back, w, n)).toBe(false)
      }),
    )
  })

  it('is served for N turns if nothing was pending, and one turn less per turn of lag', () => {
    for (const [n, lag, lives] of [
      [10, 0, 10],
      [10, 1, 9],
      [2, 0, 2],
      [2, 1, 1],
      [5, 5, 0],
    ] as const) {
      const built = 20
      const served = Array.from({ length: 40 }, (_, i) => built + i).filter((d) =>
        mayServe(d, built - 1 - lag, n),
      )
      expect(served).toHaveLength(lives)
    }
  })

  it('is not served longer when turn numbers go back', () => {
    expect(servesUntilTurn(4, 3)).toBe(7)
    expect([3, 5, 7, 8].map((d) => mayServe(d, 4, 3))).toEqual([true, true, true, false])
  })
})

describe('the window at turn d', () => {
  it('contains the turns that Dify shows and the current turn', () => {
    for (let n = 0; n <= 14; n++) {
      for (let d = 1; d <= 40; d++) {
        const seen = Array.from({ length: 60 }, (_, i) => i + 1).filter((source) => isInWindow(source, d, n))
        expect({ n, d, seen }).toEqual({ n, d, seen: [...difyWindow(d, n), d] })
      }
    }
  })
})
