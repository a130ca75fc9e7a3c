import { describe, expect, it } from 'vitest'
import { answeredQuestion, questionIn, statementKey } from '../../../sidecar/text/verbatim/answers.ts'

describe('questionIn', () => {
  it.each([
    ['Are you allergic to penicillin?', 'Are you allergic to penicillin?'],
    ['Thanks. Are you allergic to penicillin? Yes or no.', 'Are you allergic to penicillin?'],
    ['Do you take medicine? Or vitamins?', 'Do you take medicine? Or vitamins?'],
    ['ペニシリンのアレルギーはありますか。', 'ペニシリンのアレルギーはありますか。'],
    ['你对青霉素过敏吗', '你对青霉素过敏吗'],
    ['Noted. Anything else?', null],
    ['How are you?', null],
    ['Is it? One. Two. Three.', null],
    ['', null],
  ])('of %j is %j', (content, question) => {
    expect(questionIn(content)).toBe(question)
  })
})

describe('a short answer', () => {
  const context = 'Are you allergic to penicillin?'

  it.each([
    'Yes.',
    'No',
    'はい',
    'うん、そう',
    '对',
    '네',
    'Ja, seit 2019',
    'Sí',
    'Blue',
    'In May 2019',
    'Yes, a rash after every dose, since I was four',
  ])('%j has the question that it answers', (text) => {
    expect(answeredQuestion({ text, context })).toBe(context)
    expect(statementKey({ text, context })).not.toBe(statementKey({ text, context: 'Do you smoke?' }))
  })

  it.each(['I like tea.', 'My cat sleeps.', '私は猫が好き', 'The cat sleeps on the old sofa all day.'])(
    'is not %j, which is understood alone',
    (text) => {
      expect(answeredQuestion({ text, context })).toBeNull()
      expect(statementKey({ text, context })).toBe(statementKey({ text }))
    },
  )

  it('has no question where none is known', () => {
    expect(answeredQuestion({ text: 'Yes.', context: null })).toBeNull()
    expect(answeredQuestion({ text: 'Yes.', context: 'I like tea.' })).toBeNull()
  })
})
