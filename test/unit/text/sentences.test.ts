import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isQuestion, isSmallTalk, sentenceSpans, splitSentences } from '../../../sidecar/text/sentences.ts'
import { splitPieces } from '../../../sidecar/text/verbatim/pieces.ts'
import { anyText } from '../../helpers/any-text.ts'

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
    expect(splitPieces(`${text}x`, 1_000).length).toBeGreaterThan(0)
  })
})

describe('splitPieces', () => {
  it('never exceeds the limit, never splits a surrogate pair, keeps every character in order', () => {
    const line = anyText({ maxLength: 80 })
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 10, max: 60 }), (lines, limit) => {
        const text = lines.join('\n')
        const pieces = splitPieces(text, limit)
        for (const piece of pieces) {
          expect(piece.length).toBeLessThanOrEqual(limit)
          expect(piece.isWellFormed()).toBe(true)
          expect(text).toContain(piece)
        }
        expect(pieces.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
      }),
    )
  })

  it('cuts between paragraphs, else between lines, else between sentences', () => {
    expect(splitPieces('One one one.\nTwo two.\n\nThree.', 27)).toEqual(['One one one.\nTwo two.', 'Three.'])
    expect(splitPieces('One one one.\nTwo two.\nThree.', 27)).toEqual(['One one one.\nTwo two.', 'Three.'])
    expect(splitPieces('One one one. Two two. Three.', 27)).toEqual(['One one one. Two two.', 'Three.'])
  })

  it('never cuts a table row or a code line that fits', () => {
    const rows = Array.from({ length: 40 }, (_, i) => `| Mr. ${i} | pays 3.5. Each time! | yes |`)
    const code = Array.from({ length: 40 }, (_, i) => `    print("Hello. No. ${i}")  # Why? So.`)
    for (const lines of [rows, ['```py', ...code, '```']]) {
      const pieces = splitPieces(lines.join('\n'), 200)
      expect(pieces.length).toBeGreaterThan(5)
      expect(pieces.join('\n').split('\n')).toEqual(lines)
    }
  })

  it('keeps a marked question with its answer', () => {
    const pairs = Array.from({ length: 40 }, (_, i) => `Q: What is the code of door ${i}?\nA: It is ${i}00.`)
    for (const piece of splitPieces(pairs.join('\n'), 200)) {
      expect(piece.match(/^Q:/gm)?.length).toBe(piece.match(/^A:/gm)?.length)
    }
  })
})

describe('sentenceSpans', () => {
  it('locates every sentence in its text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        for (const { sentence, from, to } of sentenceSpans(text)) expect(text.slice(from, to)).toBe(sentence)
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
