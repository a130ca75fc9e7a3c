import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldAccents, normalise } from '../../../sidecar/text/terms/normalise.ts'
import { segment } from '../../../sidecar/text/terms/segment.ts'

const textsOf = (text: string, kind?: string) =>
  segment(normalise(text)).flatMap((word) => (!kind || word.kind === kind ? [word.text] : []))

describe('normalise', () => {
  it('maps full-width letters, curly apostrophes and ligatures to one spelling', () => {
    expect(normalise('Ｃａｆé’s ﬁne')).toBe("café's fine")
  })

  it('drops Arabic vowel marks and unifies alef', () => {
    expect(normalise('أُحِبُّ')).toBe('احب')
  })

  it('is stable after the second application', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const once = normalise(text)
        // Lower-casing may produce characters that NFKC composes again.
        expect(normalise(normalise(once))).toBe(normalise(once))
      }),
    )
  })
})

describe('foldAccents', () => {
  it('folds Latin accents and keeps the marks of other scripts', () => {
    expect(foldAccents('mädchen')).toBe('madchen')
    expect(foldAccents('straße')).toBe('strasse')
    expect(foldAccents('が')).toBe('が')
    expect(foldAccents('й')).toBe('й')
  })
})

describe('segment', () => {
  it('keeps contractions and numbers whole', () => {
    expect(textsOf("I don't owe 3.5 or 1,000.")).toEqual(['i', "don't", 'owe', '3.5', 'or', '1,000'])
    expect(textsOf('at 10:30', 'number')).toEqual(['10:30'])
  })

  it('splits Japanese into words and bigrams', () => {
    expect(textsOf('東京に住む', 'unspaced')).toContain('東京')
    expect(textsOf('東京に住む', 'gram')).toContain('東京')
  })

  it('also returns each Chinese character of a longer word', () => {
    expect(textsOf('汽车', 'gram')).toEqual(expect.arrayContaining(['汽', '车', '汽车']))
  })

  it('returns Korean words with their bigrams', () => {
    expect(textsOf('강아지를')).toEqual(['강아지를', '강아', '아지', '지를'])
  })

  it('separates adjacent scripts', () => {
    expect(textsOf('iphoneを買う', 'word')).toEqual(['iphone'])
  })

  it('returns the offset of each word', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (raw) => {
        const text = normalise(raw)
        for (const word of segment(text)) {
          expect(text.slice(word.at, word.at + word.text.length)).toBe(word.text)
        }
      }),
    )
  })

  it('finds a word where there is a common letter of Chinese, Japanese or Korean and no combining mark', () => {
    const letter = fc.oneof(
      ...[
        ['ぁ', 'ゖ'],
        ['ァ', 'ヺ'],
        ['一', '鿿'],
        ['가', '힣'],
      ].map(([min = '', max = '']) =>
        fc
          .integer({ min: min.charCodeAt(0), max: max.charCodeAt(0) })
          .map((code) => String.fromCharCode(code)),
      ),
    )
    const other = fc.oneof(letter, fc.constantFrom('々', '〻', 'ー', '〇', '⺀', 'ก', '、', ' ', '1'))
    fc.assert(
      fc.property(fc.array(other), letter, fc.array(other), (before, middle, after) => {
        const words = segment(normalise([...before, middle, ...after].join('')))
        expect(words.some(({ kind }) => kind !== 'gram')).toBe(true)
      }),
    )
  })

  it('takes linear time for many short pieces', () => {
    // Quadratic time would be minutes and exceed the timeout of the test.
    const words = segment('東京 '.repeat(50_000))
    expect(words.filter(({ kind }) => kind === 'gram')).toHaveLength(50_000 * 3)
  })
})
