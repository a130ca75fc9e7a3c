import { describe, expect, it } from 'vitest'
import { findDates } from '../../../sidecar/text/dates.ts'
import { detectAnswerTypes } from '../../../sidecar/text/terms/question-type.ts'
import { readText } from '../../../sidecar/text/terms/tokens.ts'

const NOW = Date.UTC(2024, 4, 20, 15)

const rangesIn = (text: string, now?: number) =>
  findDates(text, now).ranges.map(({ from, to }) =>
    [from, to].map((at) => new Date(at).toISOString().slice(0, 10)).join(' '),
  )

describe('findDates', () => {
  it.each([
    ['on 7 May 2023', '2023-05-07 2023-05-08'],
    ['on May 7th, 2023', '2023-05-07 2023-05-08'],
    ['11 December, 2023', '2023-12-11 2023-12-12'],
    ['in May 2023', '2023-05-01 2023-06-01'],
    ['during 2022', '2022-01-01 2023-01-01'],
    ['at 2023-05-07', '2023-05-07 2023-05-08'],
    ['in 2023-05', '2023-05-01 2023-06-01'],
    ['2023年5月7日に', '2023-05-07 2023-05-08'],
    ['2023년 5월에', '2023-05-01 2023-06-01'],
    ['le 7 mai 2023', '2023-05-07 2023-05-08'],
    ['am 3. März 2022', '2022-03-03 2022-03-04'],
    ['el 5 de mayo de 2021', '2021-05-05 2021-05-06'],
    ['5 мая 2023', '2023-05-05 2023-05-06'],
    ['7 مايو 2023', '2023-05-07 2023-05-08'],
    ['วันที่ 7 พฤษภาคม 2566', '2023-05-07 2023-05-08'],
  ])('reads %s', (text, range) => {
    expect(rangesIn(text)).toEqual([range])
  })

  it.each([
    ['what happened in March?', { month: 2 }],
    ['on 7 May', { month: 4, day: 7 }],
    ['on May 7th', { month: 4, day: 7 }],
    ['en juillet', { month: 6 }],
    ['5月に', { month: 4 }],
  ])('reads %s as of any year', (text, date) => {
    expect(findDates(text)).toEqual({ ranges: [], yearly: [date] })
  })

  it.each([
    'what may happen?',
    'they march on',
    'room 42',
    'it cost $2023',
    'call 2023201',
    'una marca nueva',
    'a trip to Mars',
  ])('finds no date in "%s"', (text) => {
    expect(findDates(text)).toEqual({ ranges: [], yearly: [] })
  })

  it('reads the month of a day that does not exist', () => {
    expect(rangesIn('31 February 2023')).toEqual(['2023-02-01 2023-03-01'])
  })

  it('reads relative dates against now, and not without it', () => {
    expect(rangesIn('yesterday', NOW)).toEqual(['2024-05-19 2024-05-20'])
    expect(rangesIn('what did I do last week?', NOW)).toEqual(['2024-05-06 2024-05-20'])
    expect(rangesIn('2 days ago', NOW)).toEqual(['2024-05-18 2024-05-19'])
    expect(rangesIn('昨日の夕食', NOW)).toEqual(['2024-05-19 2024-05-20'])
    expect(rangesIn('yesterday')).toEqual([])
  })
})

describe('detectAnswerTypes', () => {
  it.each([
    ['When did we meet?', 'moment'],
    ['Which year was it?', 'moment'],
    ['いつ会った？', 'moment'],
    ['How many sisters has she?', 'number'],
    ['Combien coûte ce vélo ?', 'number'],
    ['Where does she live?', 'place'],
    ['¿Dónde vive?', 'place'],
    ['他住在哪里？', 'place'],
  ])('%s asks for a %s', (question, kind) => {
    const { normal, words } = readText(question)
    expect([
      ...detectAnswerTypes(
        normal,
        words.map((word) => word.text),
      ),
    ]).toEqual([kind])
  })
})
