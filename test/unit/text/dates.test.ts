import { describe, expect, it } from 'vitest'
import { DAY_MS, daysOf, findDates, namedDay } from '../../../sidecar/text/dates.ts'
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
    ['2026/04/09', '2026-04-09 2026-04-10'],
    ['2026.4.9', '2026-04-09 2026-04-10'],
    ['2026-04-09T23:30', '2026-04-09 2026-04-10'],
    ['April 9, 2026', '2026-04-09 2026-04-10'],
    ['Apr 9th, 2026', '2026-04-09 2026-04-10'],
    ['the 9th of April 2026', '2026-04-09 2026-04-10'],
    ['am 9. April 2026', '2026-04-09 2026-04-10'],
    ['am 9.4.2026', '2026-04-09 2026-04-10'],
    ['am 09. 04. 2026', '2026-04-09 2026-04-10'],
    ['el 9 de abril de 2026', '2026-04-09 2026-04-10'],
    ['el 9 de abril del 2026', '2026-04-09 2026-04-10'],
    ['el 29/4/2026', '2026-04-29 2026-04-30'],
    ['on 4/29/2026', '2026-04-29 2026-04-30'],
    ['4/4/2026', '2026-04-04 2026-04-05'],
    ['２０２６年４月９日', '2026-04-09 2026-04-10'],
    ['二〇二六年四月二十九日', '2026-04-29 2026-04-30'],
    ['2026年4月9號', '2026-04-09 2026-04-10'],
    ['2026년 4월 9일', '2026-04-09 2026-04-10'],
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
    ['4月9日に', { month: 3, day: 9 }],
    ['四月十日', { month: 3, day: 10 }],
    ['十二月二十一号', { month: 11, day: 21 }],
    ['4월 9일', { month: 3, day: 9 }],
    ['am 9. April', { month: 3, day: 9 }],
    ['el 9 de abril', { month: 3, day: 9 }],
    ['on the 29th of February', { month: 1, day: 29 }],
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

  it('reads 09/04/2026 in both orders', () => {
    expect(rangesIn('09/04/2026')).toEqual(['2026-04-09 2026-04-10', '2026-09-04 2026-09-05'])
  })

  it.each<[string[], number]>([
    [['yesterday', 'gestern', 'ayer', '昨日', '昨天', '어제', 'hier'], -1],
    [['the day before yesterday', 'vorgestern', 'anteayer', '一昨日', '前天', '그저께', 'avant-hier'], -2],
    [['3 days ago', 'vor drei Tagen', 'hace 3 días', '3日前', '三天前', '3일 전', 'il y a trois jours'], -3],
    [['tomorrow', 'morgen', 'mañana', '明日', '明天', '내일', 'demain'], 1],
    [['today', 'heute', 'hoy', '今日', '今天', '오늘', "aujourd'hui"], 0],
  ])('reads %j as one day', (texts, days) => {
    const day = new Date(NOW + days * DAY_MS).toISOString().slice(0, 10)
    const next = new Date(NOW + (days + 1) * DAY_MS).toISOString().slice(0, 10)
    for (const text of texts) expect([text, rangesIn(text, NOW)]).toEqual([text, [`${day} ${next}`]])
  })

  it.each([
    'Ich wohne hier in Bonn.',
    'Hier ist es kalt',
    'am Morgen',
    'guten Morgen',
    'por la mañana',
    'Bayer',
  ])('finds no relative date in "%s"', (text) => expect(rangesIn(text, NOW)).toEqual([]))

  it('reads a year or a week ago as a range of that length', () => {
    expect(rangesIn('two weeks ago', NOW)).toEqual(['2024-05-02 2024-05-10'])
    expect(rangesIn('vor 2 Wochen', NOW)).toEqual(rangesIn('两周前', NOW))
  })

  it('reads relative dates against now, and not without it', () => {
    expect(rangesIn('yesterday', NOW)).toEqual(['2024-05-19 2024-05-20'])
    expect(rangesIn('what did I do last week?', NOW)).toEqual(['2024-05-06 2024-05-20'])
    expect(rangesIn('2 days ago', NOW)).toEqual(['2024-05-18 2024-05-19'])
    expect(rangesIn('昨日の夕食', NOW)).toEqual(['2024-05-19 2024-05-20'])
    expect(rangesIn('yesterday')).toEqual([])
  })
})

describe('namedDay', () => {
  const isNamed = (text: string) => namedDay(findDates(text))
  const APRIL_9 = Date.UTC(2026, 3, 9)

  it.each([
    'What happened on 2026-04-09?',
    'What happened on 9 April 2026?',
    'What happened on April 9?',
    '4月9日に何があった？',
    '¿Qué pasó el 9 de abril?',
    'Was war am 9. April?',
    '4월 9일에 무슨 일이 있었어?',
  ])('is the day of "%s"', (text) => {
    const isDay = isNamed(text)
    expect([-DAY_MS, 0, DAY_MS].map((ms) => isDay?.(APRIL_9 + ms))).toEqual([false, true, false])
  })

  it.each([
    'What happened in April 2026?',
    'between 9 April and 12 April 2026',
    'What did I say yesterday?',
    'What happened on 09/04/2026?',
    'Where do I live?',
  ])('is undefined for "%s"', (text) => {
    expect(isNamed(text)).toBeUndefined()
  })
})

describe('daysOf', () => {
  const AT = Date.UTC(2026, 2, 1, 0, 30)
  it.each<[text: string, days: string[], eventDate?: string]>([
    ['I flew to Rome yesterday.', ['2026-03-01', '2026-02-28']],
    ['昨日、ローマに飛んだ。', ['2026-03-01', '2026-02-28']],
    ['We met on 24 December.', ['2026-03-01', '2025-12-24']],
    ['The exam is on 9 April.', ['2026-03-01', '2026-04-09']],
    ['My parents married on 3 May 1980.', ['2026-03-01', '1980-05-03']],
    ['I was ill last week, and in May 2025.', ['2026-03-01']],
    ['Ada flew to Rome.', ['2026-03-01', '2026-02-28'], '2026-02-28'],
    ['Ada flew to Rome.', ['2026-03-01'], '2026-02'],
  ])('of "%s" are %j', (text, days, eventDate) => {
    expect(daysOf(text, AT, eventDate).map((day) => new Date(day).toISOString().slice(0, 10))).toEqual(days)
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
