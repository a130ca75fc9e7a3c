import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ExtractTurn } from '../../../../sidecar/learning/extraction/types.ts'
import {
  halvesOf,
  MAX_BATCH_TOKENS,
  type Piece,
  partsOf,
  turnsIn,
} from '../../../../sidecar/learning/learner/parts.ts'
import { tokenCounter } from '../../../../sidecar/text/token-counter.ts'

/** The worst case of a tokeniser: every byte is a token. */
const bytes = (text: string) => Buffer.byteLength(text)

const withoutSpace = (text: string) => text.replace(/\s+/gu, '')

const text = fc.oneof(
  fc.lorem({ maxCount: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.string({ unit: fc.constantFrom('あ', '。', '😀', 'ꙮ', ' ', '\n', 'x', '.'), maxLength: 300 }),
)

const turnsOf = (contents: readonly (readonly string[])[]): ExtractTurn[] =>
  contents.map((own, i) => ({
    turnId: `t${i}`,
    turn: i + 1,
    messages: own.map((content) => ({ role: 'user' as const, content, at: 0 })),
  }))

/** The text of each message, its pieces joined in order. */
function joined(parts: readonly Piece[][]): [string, string][] {
  const found = new Map<string, string>()
  for (const { turn, ordinal, message } of parts.flat()) {
    const place = `${turn.turnId}/${ordinal}`
    found.set(place, (found.get(place) ?? '') + withoutSpace(message.content))
  }
  return [...found]
}

function expected(turns: readonly ExtractTurn[]): [string, string][] {
  return turns.flatMap(({ turnId, messages }) =>
    messages.flatMap(({ content }, i): [string, string][] =>
      withoutSpace(content) === '' ? [] : [[`${turnId}/${i}`, withoutSpace(content)]],
    ),
  )
}

function tokensOf(part: readonly Piece[], count: (text: string) => number): number {
  return part.reduce((sum, { message }) => sum + count(message.content), 0)
}

const isIndivisible = ([only, ...others]: readonly Piece[]) =>
  others.length === 0 && Array.from(only?.message.content ?? '').length === 1

describe('the parts of a batch', () => {
  it('hold every character once, in order, within the token limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(text, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 200 }),
        (contents, limit) => {
          const turns = turnsOf(contents)
          const parts = partsOf(turns, bytes, limit)
          expect(joined(parts)).toEqual(expected(turns))
          for (const part of parts) {
            if (tokensOf(part, bytes) > limit) expect(isIndivisible(part)).toBe(true)
          }
        },
      ),
      { numRuns: 150 },
    )
  })

  it('are as few as the order allows', () => {
    const turns = turnsOf(Array.from({ length: 100 }, () => ['x'.repeat(50), 'y'.repeat(50)]))
    expect(partsOf(turns, bytes, 1000)).toHaveLength(10)
    expect(partsOf(turns, bytes, MAX_BATCH_TOKENS)).toHaveLength(1)
  })

  it('stay within the limit of the real tokeniser for a long message in a rare script', async () => {
    const count = await tokenCounter()
    const turns = turnsOf([['ꙮ𒀀'.repeat(10_000)]])
    const parts = partsOf(turns, count)
    expect(parts.length).toBeGreaterThan(1)
    for (const part of parts) expect(tokensOf(part, count)).toBeLessThanOrEqual(MAX_BATCH_TOKENS)
    expect(joined(parts)).toEqual(expected(turns))
  })

  it('hold the same text after repeated halving, down to short messages', () => {
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 5 }), { minLength: 1, maxLength: 4 }), (contents) => {
        const turns = turnsOf(contents)
        const split = (part: Piece[]): Piece[][] => halvesOf(part)?.flatMap(split) ?? [part]
        const parts = partsOf(turns, bytes).flatMap(split)
        expect(joined(parts)).toEqual(expected(turns))
        for (const part of parts) expect(part).toHaveLength(1)
      }),
      { numRuns: 100 },
    )
  })

  it('of one long message are shorter messages', () => {
    const [part] = partsOf(turnsOf([['A sentence of some length. '.repeat(200)]]), bytes)
    const halves = halvesOf(part ?? [])
    expect(halves?.map((half) => half.map(({ ordinal }) => ordinal))).toEqual([[0], [0]])
    expect(partsOf(turnsOf([['Short.']]), bytes).map(halvesOf)).toEqual([undefined])
  })

  it('list their turns, each piece as a message', () => {
    const turns = turnsOf([['One.', '', 'Two.'], ['Three.']])
    const contents = partsOf(turns, bytes).flatMap(turnsIn)
    expect(contents.map(({ turnId, messages }) => [turnId, messages.map(({ content }) => content)])).toEqual([
      ['t0', ['One.', 'Two.']],
      ['t1', ['Three.']],
    ])
  })
})
