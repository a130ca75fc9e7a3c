import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldAccents, normalise } from '../../../sidecar/text/terms/normalise.ts'
import { segment } from '../../../sidecar/text/terms/segment.ts'

const textsOf = (text: string, kind?: string) =>
  segment(normalise(text)).flatMap((word) => (!kind || word.kind === kind ? [word.text] : []))

describe('normalise', () => {
  it('gives full-width, curly and accented-compatible forms one spelling', () => {
    expect(normalise('Ｃａｆé’s ﬁne')).toBe("café's fine")
  })

  it('drops Arabic vowel marks and unifies alef', () => {
    expect(normalise('أُحِبُّ')).toBe('احب')
  })

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const once = normalise(text)
        // Lower-casing may produce what NFKC composes again; one more round must be the end of it.
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

  it('cuts Japanese into words and bigrams', () => {
    expect(textsOf('東京に住む', 'unspaced')).toContain('東京')
    expect(textsOf('東京に住む', 'gram')).toContain('東京')
  })

  it('gives Chinese characters of longer words one by one too', () => {
    expect(textsOf('汽车', 'gram')).toEqual(expect.arrayContaining(['汽', '车', '汽车']))
  })

  it('gives Korean words with their bigrams', () => {
    expect(textsOf('강아지를')).toEqual(['강아지를', '강아', '아지', '지를'])
  })

  it('separates scripts that touch', () => {
    expect(textsOf('iphoneを買う', 'word')).toEqual(['iphone'])
  })

  it('answers words that stand in the text where it says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (raw) => {
        const text = normalise(raw)
        for (const word of segment(text)) {
          expect(text.slice(word.at, word.at + word.text.length)).toBe(word.text)
        }
      }),
    )
  })
})

describe('a long text of many short pieces', () => {
  it('is read piece by piece, none of them looking at all the others', () => {
    // Each piece reading all words before it would take minutes here.
    const words = segment('東京 '.repeat(50_000))
    expect(words.filter(({ kind }) => kind === 'gram')).toHaveLength(50_000 * 3)
  })
})
