import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { queryTermsOf, readText, termsOf } from '../../../sidecar/text/terms/tokens.ts'

const terms = (text: string) => termsOf(readText(text))
const variants = (text: string) => readText(text).variants.map((word) => word.text)

describe('symbols as terms', () => {
  it.each([
    ['I like C#, C++ and .NET (F#).', ['.net', 'c#', 'c++', 'f#', '++']],
    ['graded A+ / A-.', ['a+', 'a-', '+']],
    ['from −200 to -200', ['-200', '-200']],
    ['$5, €5, 5 €', ['$5', '€5', '$', '€', '€']],
    ['x > 5, y<5, a != b, a <= b', ['>', '<', '!=', '<=']],
    ['100% of R&D by @ana #1', ['@ana', '#1', '100%', '%', '&']],
    ['great 👍🏽 bad👎 🇩🇪', ['👍', '👎', '🇩🇪']],
    ['血液型はA+です。気温は-5度', ['-5', 'a+', '+']],
    ['我的余额是-200元', ['-200']],
    ['제 혈액형은 A-입니다', ['a-']],
    ['Kontostand: -3,50€', ['-3,50', '3,50€', '€']],
  ])('finds them in %j', (text, expected) => {
    expect(variants(text)).toEqual(expected)
  })

  it.each([
    'a well-known e-mail, 10-20 times',
    'Ana - my sister -- and I',
    'node.js ... and so on. Yes!',
    '| a | b |\n|---|---|',
    '==========',
  ])('finds none in %j', (text) => {
    expect(variants(text)).toEqual([])
  })

  it('are terms of a question as of a memory, in every language', () => {
    const forms = queryTermsOf(readText('C#?'), ['german', 'russian']).map((term) => term.forms)
    expect(forms).toContainEqual(['c#'])
    expect(terms('Ich programmiere in C#.')).toContain('c#')
    expect(terms('costs $1,000')).toContain('$1000')
  })

  it('never lose a term of a text without them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const reading = readText(text)
        const plain = termsOf({ words: reading.words, language: reading.language })
        expect(termsOf(reading)).toEqual(expect.arrayContaining(plain))
      }),
    )
  })
})

describe('identifiers', () => {
  it.each([
    ['HttpRetryPolicy', ['http', 'retry', 'policy']],
    ['parseHTML5Doc', ['parse', 'html5', 'doc']],
    ['HTTPServer', ['http', 'server']],
    ['iPhone', ['phone']],
    ['МойКласс', ['мой', 'класс']],
    ['http_retry_policy', ['httpretrypolicy']],
    ['MAX_RETRIES', ['maxretries']],
    ['my_HttpThing', ['myhttpthing', 'http', 'thing']],
  ])('splits or joins %s', (text, expected) => {
    expect(variants(text)).toEqual(expected)
  })

  it.each(['NASA has DVDs', 'pH 7', '__init__', 'plain words'])('leaves %j alone', (text) => {
    expect(variants(text)).toEqual([])
  })

  it('match in any style', () => {
    const styles = ['HttpRetryPolicy', 'httpRetryPolicy', 'http_retry_policy', 'HTTP_RETRY_POLICY']
    for (const style of [...styles, 'http retry policy']) {
      expect(terms(`the ${style}`)).toEqual(expect.arrayContaining(terms('http retry policy')))
    }
    for (const style of styles) expect(terms(style)).toEqual(expect.arrayContaining(terms('httpretrypolicy')))
  })
})
