import { describe, expect, it } from 'vitest'
import { foreignLanguage, isForeignScript, nameOfLanguage } from '../../../sidecar/memory/extract/language.ts'
import { latinTalks, otherTalks, talks } from './corpus/talks.ts'

describe('the language of a text', () => {
  it('is named', () => {
    for (const { lines, language } of talks) expect(nameOfLanguage(lines.join('\n'))).toBe(language)
    expect(nameOfLanguage('Я живу у Києві, їжджу на роботу метро')).toBe('Ukrainian')
    expect(nameOfLanguage('من در تهران زندگی می‌کنم و گربه دارم')).toBe('Persian')
    expect(nameOfLanguage('ฉันอยู่กรุงเทพ')).toBe('Thai')
  })

  it('is not named where nothing tells it', () => {
    expect(nameOfLanguage('12:30 ✓')).toBeUndefined()
    expect(nameOfLanguage('Kubernetes Docker')).toBeUndefined()
  })
})

describe('a fact in a foreign script', () => {
  it('is one whose letters do not occur in what was said', () => {
    for (const { lines } of otherTalks)
      expect(isForeignScript('She lives in the city', lines.join('\n'))).toBe(true)
    for (const { lines } of latinTalks) expect(isForeignScript('她住在城里', lines.join('\n'))).toBe(true)
  })

  it('is never one of the talk itself', () => {
    for (const { lines, good } of talks)
      for (const { text } of good.facts) expect(isForeignScript(text, lines.join('\n'))).toBe(false)
  })

  it.each([
    ['小明用 React', 'I use React, 我用 React 写代码'],
    ['Ming uses React', '我用 React，and I like it a lot'],
    ['Kubernetes, Docker', '我会 Kubernetes、Docker'],
    ['健太は東京在住', '東京在住'],
    ['42', '四十二'],
  ])('is not %s, said as %s', (fact, said) => {
    expect(isForeignScript(fact, said)).toBe(false)
  })
})

describe('facts in another language of the same script', () => {
  it('are told by several small words only', () => {
    const french = latinTalks[1]?.lines.join('\n') ?? ''

    expect(
      foreignLanguage('She moved to Nantes and she has been there with her friend for the year.', french),
    ).toBe('english')
    expect(foreignLanguage('Léa: Nantes, Hugo', french)).toBeUndefined()
    for (const { lines, good } of talks)
      expect(foreignLanguage(good.facts.map(({ text }) => text).join('\n'), lines.join('\n'))).toBeUndefined()
  })
})
