import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keepVerbatim, MAX_KEPT_LENGTH } from '../../../sidecar/text/verbatim/verbatim.ts'

const keep = (content: string, role: 'user' | 'assistant' | 'system' = 'user') =>
  keepVerbatim({ role, content })

describe('keepVerbatim', () => {
  it('keeps a message whole, without greetings and fillers at its edges', () => {
    expect(keep('Hi! How are you? I moved to Oslo in May. Thanks!')).toEqual(['I moved to Oslo in May.'])
    expect(keep('I moved to Oslo. Hello again! Is it cold there? I hope not.')).toEqual([
      'I moved to Oslo. Hello again! Is it cold there? I hope not.',
    ])
    expect(keep('こんにちは！元気ですか？先月、京都に引っ越しました。')).toEqual([
      '先月、京都に引っ越しました。',
    ])
    expect(keep('你好！我对花生过敏。谢谢！')).toEqual(['我对花生过敏。'])
  })

  it.each([
    'Total: 3.50 €.\n\n```py\ndef f(x):\n    # Really?\n    return x  +  1\n```',
    '| Day | Plan |\n|-----|------|\n| Mon | Is it fish?  |\n| Tue | Good |',
    '- Morning\n- Evening\n  - Night: no',
    '  indented = True\n\n\n  more   = 3',
    '1. はい\n2. いいえ\n   - 薬：朝　夕',
    'Q: Are you allergic to penicillin?\nA: Yes.',
    'Q: Blutgruppe? A: 0+',
    '问：对青霉素过敏吗？\n答：是的。',
    'Do you smoke? No.',
    "I'm vegetarian, what should I cook tonight?",
    '小麦アレルギーなんだけど、夕飯は何がいい？',
    'Can I eat shrimp with my shellfish allergy?',
    'Mein Hund Bello hustet, was tun?',
    '¿Qué ceno hoy? Soy celíaca.',
    '我对花生过敏，晚饭吃什么？',
    '땅콩 알레르기가 있는데 뭐 먹지?',
  ])('keeps %j as it was said', (content) => {
    expect(keep(content)).toEqual([content])
    expect(keep(`\n${content}\n \n`)).toEqual([content])
  })

  it.each([
    '',
    '   ',
    'Hello!',
    'What time is it?',
    'What should I cook tonight?',
    '夕飯は何がいい？',
    '👍👍',
    'ok',
    'ありがとうございます',
    '---',
    ...['Yes.', 'No, thanks!', 'はい', 'うん、そう', '对', '네', 'Ja.', 'Sí', 'Hi! Yes.'],
  ])('keeps nothing of %j', (content) => {
    expect(keep(content)).toEqual([])
  })

  it.each(['Yes.', 'No', 'はい', 'うん、そう', '对', '네', 'Ja, seit 2019', 'Sí', 'OK', '👍', '42', 'Blue'])(
    'keeps %j where it answers a question',
    (content) => {
      expect(keepVerbatim({ role: 'user', content }, { answersQuestion: true })).toEqual([content])
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
