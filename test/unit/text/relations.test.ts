import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import data from '../../../sidecar/text/data/relation-patterns.json' with { type: 'json' }

type Code = keyof typeof data.languages

/** The words for all relatives or pets in a language, as a group. */
function wordsOf(code: Code, table: Record<string, Partial<Record<Code, string>>>): string {
  const words = Object.values(table).flatMap((one) => one[code] ?? [])
  return `(?:${words.join('|')})`
}

/** Fills in the macros, with one name and one noun. */
function expand(code: Code, source: string): string {
  const { self, my = '', topic = '' }: { self: string; my?: string; topic?: string } = data.languages[code]
  const [kinword, petword] = [wordsOf(code, data.kin), wordsOf(code, data.pet)]
  const plain = {
    self,
    my,
    topic,
    kinword,
    petword,
    kin: `${my} ${kinword}`,
    who: 'Ana',
    name: 'Ana',
    noun: 'x',
  }
  return source.replace(/\{(\p{Ll}+)\}/gu, (_, macro) => plain[macro as keyof typeof plain] ?? '')
}

/** Without what `fc.stringMatching` cannot generate. */
function toGenerable(source: string): string {
  return source
    .replace(/\(\?<?[=!][^()]*\)|\\b/g, '')
    .replace(/\?<\p{L}+>/gu, '?:')
    .replace(/\[[^\]]*\\p[^\]]*\]|\\p\{[^}]*\}/g, 'x')
}

describe('the cue of a language', () => {
  const patterns = Object.entries(data.languages).flatMap(([code, { cue, patterns }]) =>
    patterns.map(([, , source = '']) => [code as Code, source, cue] as const),
  )

  it.each(patterns)('of %s is in all that matches %s', (code, source, cue) => {
    const pattern = new RegExp(`^${toGenerable(expand(code, source))}$`, 'u')
    const needed = new RegExp(expand(code, cue), 'iu')
    fc.assert(
      fc.property(fc.stringMatching(pattern), (text) => {
        expect(text).toMatch(needed)
      }),
      { numRuns: 50 },
    )
  })
})
