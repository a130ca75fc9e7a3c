import { describe, expect, it } from 'vitest'
import {
  detectTranslation,
  isForeignScript,
  nameOfLanguage,
} from '../../../../sidecar/learning/extraction/language.ts'
import { latinTalks, otherTalks, talks } from '../../../helpers/learning/extraction/corpus/talks.ts'

describe('nameOfLanguage', () => {
  it('names the language', () => {
    for (const { lines, language } of talks) expect(nameOfLanguage(lines.join('\n'))).toBe(language)
    expect(nameOfLanguage('Я живу у Києві, їжджу на роботу метро')).toBe('Ukrainian')
    expect(nameOfLanguage('من در تهران زندگی می‌کنم و گربه دارم')).toBe('Persian')
    expect(nameOfLanguage('ฉันอยู่กรุงเทพ')).toBe('Thai')
  })

  it('returns undefined without evidence', () => {
    expect(nameOfLanguage('12:30 ✓')).toBeUndefined()
    expect(nameOfLanguage('Kubernetes Docker')).toBeUndefined()
  })
})

describe('isForeignScript', () => {
  it('is true for a script that the messages do not use', () => {
    for (const { lines } of otherTalks)
      expect(isForeignScript('She lives in the city', lines.join('\n'))).toBe(true)
    for (const { lines } of latinTalks) expect(isForeignScript('她住在城里', lines.join('\n'))).toBe(true)
  })

  it('is false for facts in the language of the conversation', () => {
    for (const { lines, good } of talks)
      for (const { text } of good.facts) expect(isForeignScript(text, lines.join('\n'))).toBe(false)
  })

  it.each([
    ['小明用 React', 'I use React, 我用 React 写代码'],
    ['Ming uses React', '我用 React，and I like it a lot'],
    ['Kubernetes, Docker', '我会 Kubernetes、Docker'],
    ['健太は東京在住', '東京在住'],
    ['42', '四十二'],
  ])('is false for %s from %s', (fact, said) => {
    expect(isForeignScript(fact, said)).toBe(false)
  })
})

describe('detectTranslation', () => {
  it('requires several stop words', () => {
    const french = latinTalks[1]?.lines.join('\n') ?? ''

    expect(
      detectTranslation('She moved to Nantes and she has been there with her friend for the year.', french),
    ).toBe('english')
    expect(detectTranslation('Léa: Nantes, Hugo', french)).toBeUndefined()
    for (const { lines, good } of talks)
      expect(
        detectTranslation(good.facts.map(({ text }) => text).join('\n'), lines.join('\n')),
      ).toBeUndefined()
  })
})
