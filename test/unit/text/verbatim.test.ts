import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keepVerbatim, MAX_KEPT_LENGTH } from '../../../sidecar/text/verbatim.ts'

const keep = (content: string, role: 'user' | 'assistant' | 'system' = 'user') =>
  keepVerbatim({ role, content })

describe('keepVerbatim', () => {
  it('keeps statements and drops greetings, questions and fillers', () => {
    expect(keep('Hi! How are you? I moved to Oslo in May. Thanks!')).toEqual(['I moved to Oslo in May.'])
    expect(keep('こんにちは！元気ですか？先月、京都に引っ越しました。')).toEqual([
      '先月、京都に引っ越しました。',
    ])
    expect(keep('你好！我对花生过敏。谢谢！')).toEqual(['我对花生过敏。'])
  })

  it.each(['', '   ', 'Hello!', 'What time is it?', '👍👍', 'ok', 'ありがとうございます'])(
    'keeps nothing of %j',
    (content) => {
      expect(keep(content)).toEqual([])
    },
  )

  it('drops system messages', () => {
    expect(keep('You are a helpful assistant.', 'system')).toEqual([])
  })

  it('keeps statements of assistants', () => {
    expect(keep('Your appointment is on Friday. Anything else?', 'assistant')).toEqual([
      'Your appointment is on Friday.',
    ])
  })

  it('splits long messages at sentence ends', () => {
    const sentence = `${'word '.repeat(59)}end.`
    const pieces = keep(`${sentence} `.repeat(10))
    expect(pieces.length).toBeGreaterThan(1)
    for (const piece of pieces) {
      expect(piece.length).toBeLessThanOrEqual(MAX_KEPT_LENGTH)
      expect(piece.endsWith('end.')).toBe(true)
    }
  })

  it('bounds every piece of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 4_000 }), (content) => {
        for (const piece of keep(content)) {
          expect(piece.length).toBeLessThanOrEqual(MAX_KEPT_LENGTH)
          expect(piece.trim()).not.toBe('')
        }
      }),
    )
  })
})
