import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isQuestion, isSmallTalk, packSentences, splitSentences } from '../../../sidecar/text/sentences.ts'

describe('splitSentences', () => {
  it.each([
    ['One. Two! Three?', ['One.', 'Two!', 'Three?']],
    ['Dr. Smith paid 3.5 million. Good.', ['Dr. Smith paid 3.5 million.', 'Good.']],
    ['今日は雨です。明日は？晴れ！', ['今日は雨です。', '明日は？', '晴れ！']],
    ['a line\nanother line', ['a line', 'another line']],
    ['ما اسمك؟ اسمي علي.', ['ما اسمك؟', 'اسمي علي.']],
    ['She said "Stop." Then left…', ['She said "Stop."', 'Then left…']],
    ['', []],
  ])('splits %j', (text, sentences) => {
    expect(splitSentences(text)).toEqual(sentences)
  })

  it('drops only white space', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(splitSentences(text).join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
      }),
    )
  })
})

describe('the functions on sentences', () => {
  it.each([
    ['dots', '.'.repeat(200_000)],
    ['question marks', '?'.repeat(200_000)],
    ['abbreviations', 'Dr. '.repeat(50_000)],
    ['laughter', '哈'.repeat(200_000)],
    ['quotes', `.${'"'.repeat(200_000)}`],
  ])('take linear time for 200,000 characters of %s', (_name, text) => {
    // Quadratic time would be minutes and exceed the timeout of the test.
    for (const sentence of splitSentences(`${text}x`)) {
      isSmallTalk(sentence)
      isQuestion(sentence)
    }
    expect(packSentences(splitSentences(`${text}x`), 1_000).length).toBeGreaterThan(0)
  })
})

describe('packSentences', () => {
  it('never exceeds the limit, never splits a surrogate pair, keeps every character', () => {
    const sentence = fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }).map((text) => text.trim())
    fc.assert(
      fc.property(fc.array(sentence), fc.integer({ min: 10, max: 60 }), (sentences, limit) => {
        const pieces = packSentences(sentences, limit)
        for (const piece of pieces) {
          expect(piece.length).toBeLessThanOrEqual(limit)
          expect(piece.isWellFormed()).toBe(true)
        }
        expect(pieces.join('').replace(/\s/g, '')).toBe(sentences.join('').replace(/\s/g, ''))
      }),
    )
  })
})

describe('sentence kinds', () => {
  it.each(['Where is it?', '元気ですか？', 'أين هو؟', 'Really?!', '"Why?"'])(
    'isQuestion accepts %s',
    (sentence) => {
      expect(isQuestion(sentence)).toBe(true)
    },
  )

  it.each([
    'Hi there, thanks!',
    'Thank you so much!',
    'こんにちは！',
    '谢谢！',
    '👍',
    'Merci beaucoup.',
    '네, 감사합니다.',
    'Привет!',
  ])('isSmallTalk accepts %s', (sentence) => {
    expect(isSmallTalk(sentence)).toBe(true)
  })

  it.each([
    'I am allergic to nuts.',
    '昨日は雨でした。',
    'Call me Ishmael.',
    '我住在北京。',
    'J’habite à Lyon.',
  ])('%s is neither a question nor small talk', (sentence) => {
    expect(isSmallTalk(sentence)).toBe(false)
    expect(isQuestion(sentence)).toBe(false)
  })
})
