import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ExtractTurn } from '../../../../sidecar/learning/extraction/types.ts'
import { halvesOf, MAX_BATCH_TOKENS, type Part, partsOf } from '../../../../sidecar/learning/learner/parts.ts'
import { tokenCounter } from '../../../../sidecar/text/token-counter.ts'

/** A tokeniser at its worst: every byte is a token. */
const bytes = (text: string) => Buffer.byteLength(text)

const said = (text: string) => text.replace(/\s+/gu, '')

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

/** What each message of each turn says in the parts, its pieces joined in order. */
function told(parts: readonly Part[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { turns, ordinals } of parts) {
    for (const { turnId, messages } of turns) {
      const own = ordinals.get(turnId) ?? []
      expect(own).toHaveLength(messages.length)
      for (const [i, { content }] of messages.entries()) {
        const place = `${turnId}/${own[i]}`
        found.set(place, (found.get(place) ?? '') + said(content))
      }
    }
  }
  return found
}

function expected(turns: readonly ExtractTurn[]): [string, string][] {
  return turns.flatMap(({ turnId, messages }) =>
    messages.flatMap(({ content }, i): [string, string][] =>
      said(content) === '' ? [] : [[`${turnId}/${i}`, said(content)]],
    ),
  )
}

function tokensOf({ turns }: Part, count: (text: string) => number): number {
  return turns.reduce(
    (sum, { messages }) => sum + messages.reduce((own, one) => own + count(one.content), 0),
    0,
  )
}

const isIndivisible = ({ turns }: Part) => {
  const [only, ...others] = turns.flatMap(({ messages }) => messages)
  return others.length === 0 && Array.from(only?.content ?? '').length === 1
}

describe('the parts of a batch', () => {
  it('hold every character once, in order, within the token limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(text, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 200 }),
        (contents, limit) => {
          const turns = turnsOf(contents)
          const parts = partsOf(turns, bytes, limit)
          expect([...told(parts)]).toEqual(expected(turns))
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
    expect([...told(parts)]).toEqual(expected(turns))
  })

  it('hold the same text after repeated halving, down to short messages', () => {
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 5 }), { minLength: 1, maxLength: 4 }), (contents) => {
        const turns = turnsOf(contents)
        const split = (part: Part): Part[] => halvesOf(part)?.flatMap(split) ?? [part]
        const parts = partsOf(turns, bytes).flatMap(split)
        expect([...told(parts)]).toEqual(expected(turns))
        for (const part of parts) expect(part.turns.flatMap(({ messages }) => messages)).toHaveLength(1)
      }),
      { numRuns: 100 },
    )
  })

  it('of one long message are shorter messages', () => {
    const [part] = partsOf(turnsOf([['A sentence of some length. '.repeat(200)]]), bytes)
    const halves = halvesOf(part as Part)
    expect(halves?.map(({ ordinals }) => ordinals.get('t0'))).toEqual([[0], [0]])
    expect(halvesOf({ turns: turnsOf([['Short.']]), ordinals: new Map([['t0', [0]]]) })).toBeUndefined()
  })
})
