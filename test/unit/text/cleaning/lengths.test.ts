import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clipMiddle, splitLong } from '../../../../sidecar/text/cleaning/lengths.ts'

const text = fc
  .array(fc.constantFrom('word', ' ', '\n', '👍', '京都。', '    '), { maxLength: 60 })
  .map((parts) => parts.join(''))

describe('splitLong', () => {
  it('gives pieces within the limit that together are the text, and splits no character', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 40 }), (text, limit) => {
        const pieces = splitLong(text, limit)
        expect(pieces.join('')).toBe(text)
        for (const piece of pieces) {
          expect(piece.length).toBeLessThanOrEqual(limit)
          expect(piece.isWellFormed()).toBe(true)
        }
      }),
    )
  })

  it('prefers the end of a line, then a space', () => {
    expect(splitLong('one two three\nfour five', 18)).toEqual(['one two three\n', 'four five'])
    expect(splitLong('one two three four', 12)).toEqual(['one two ', 'three four'])
  })

  it('takes linear time', () => {
    expect(splitLong('x'.repeat(20_000_000))).toHaveLength(200)
  })
})

describe('clipMiddle', () => {
  it('keeps the beginning and the end within the limit', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 8, max: 40 }), (text, limit) => {
        const clipped = clipMiddle(text, limit)
        expect(clipped.length).toBeLessThanOrEqual(limit)
        expect(clipped.isWellFormed()).toBe(true)
        expect(text.startsWith(clipped.split('\n')[0] ?? '')).toBe(true)
        if (text.length <= limit) expect(clipped).toBe(text)
      }),
    )
  })
})
