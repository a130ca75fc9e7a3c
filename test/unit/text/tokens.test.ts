import { describe, expect, it } from 'vitest'
import { relatedTermsOf } from '../../../sidecar/text/related/thesaurus.ts'
import { detectLanguage } from '../../../sidecar/text/terms/language.ts'
import { stem } from '../../../sidecar/text/terms/stem.ts'
import { queryTermsOf, readText, termsOf } from '../../../sidecar/text/terms/tokens.ts'

const terms = (text: string) => termsOf(readText(text))

describe('detectLanguage', () => {
  it.each([
    ['we went to the beach with them', 'english'],
    ['nous sommes allés à la plage avec eux', 'french'],
    ['wir sind mit ihnen an den Strand gegangen', 'german'],
    ['fuimos a la playa con ellos porque no llovía', 'spanish'],
    ['мы поехали на пляж', 'russian'],
    ['ذهبنا إلى الشاطئ', 'arabic'],
    ['東京へ行った', 'none'],
  ])('reads %s as %s', (text, language) => {
    expect(detectLanguage(text.toLowerCase().split(' '))).toBe(language)
  })

  it('returns the fallback for a Latin text without stop words', () => {
    expect(detectLanguage(['paris', 'museum'])).toBe('english')
    expect(detectLanguage(['paris', 'museum'], 'german')).toBe('german')
  })
})

describe('termsOf', () => {
  it('gives regular and irregular forms of an English word one stem', () => {
    expect(stem('went', 'english')).toBe(stem('going', 'english'))
    expect(stem('children', 'english')).toBe(stem('child', 'english'))
    expect(stem("anna's", 'english')).toBe(stem('anna', 'english'))
  })

  it('leaves out stop words and keeps repeated terms', () => {
    expect(terms('The dog and the dogs')).toEqual(['dog', 'dog'])
  })

  it('gives different spellings of a number one term', () => {
    expect(terms('she paid 1,000 on the 5th at 07')).toEqual([...terms('she paid 1000 on the 5 at 7')])
  })

  it('drops Japanese particles and endings', () => {
    expect(terms('私は本を読みました')).not.toEqual(expect.arrayContaining(['は', 'を', 'まし', 'した']))
    expect(terms('私は本を読みました')).toContain('本')
  })

  it('removes French elision', () => {
    expect(terms("elle n'aime pas l'orage")).toContain(stem('orage', 'french'))
  })

  it('returns the terms of some of the words of a text', () => {
    const { words, language } = readText('用户 moved to Porto in 2021')
    const numbers = words.filter(({ kind }) => kind === 'number')
    expect(termsOf({ words: numbers, language })).toEqual(['2021'])
  })
})

describe('queryTermsOf', () => {
  it('stems a question in the languages of the memories too', () => {
    const memory = readText('Wir haben die Wohnungen in der Stadt gesehen')
    expect(memory.language).toBe('german')
    const [term] = queryTermsOf(readText('Wohnungen'), ['german'])
    expect(termsOf(memory).some((one) => term?.forms.includes(one))).toBe(true)
  })

  it('marks words that belong to the act of asking', () => {
    const marked = queryTermsOf(readText('What kind of boat was mentioned?'))
    expect(marked.map(({ word, asking }) => [word, asking])).toEqual([
      ['kind', true],
      ['boat', false],
      ['mentioned', true],
    ])
  })
})

describe('relatedTermsOf', () => {
  it('returns synonyms of a term and members of a category', () => {
    expect(relatedTermsOf(stem('employer', 'english'))?.synonyms).toContain(stem('company', 'english'))
    expect(relatedTermsOf(stem('instrument', 'english'))?.members).toContain(stem('violin', 'english'))
  })

  it('returns undefined for a word that is not in the thesaurus', () => {
    expect(relatedTermsOf('xyzzy')).toBeUndefined()
  })
})
