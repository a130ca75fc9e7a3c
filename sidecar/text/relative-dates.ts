import { DAY_MS, type DateRange } from './date-range.ts'

/** Ranges of the relative dates in a text ("last week", "3 days ago"), in UTC days around `now`, epoch ms. */
export function relativeRanges(text: string, now: number): DateRange[] {
  const ranges: DateRange[] = []
  const today = Math.floor(now / DAY_MS) * DAY_MS
  for (const [pattern, fromDays, toDays] of RELATIVE) {
    if (pattern.test(text)) ranges.push({ from: today + fromDays * DAY_MS, to: today + toDays * DAY_MS })
  }
  for (const match of text.matchAll(
    /(?<![\d.])(\d{1,3}|an?|two|three|four|five|six) (day|week|month|year)s? ago/gi,
  )) {
    const [, amount = '', unit = ''] = match
    const count = SMALL[amount.toLowerCase()] ?? Number(amount)
    const days = UNITS[unit.toLowerCase()] as number
    const middle = today - count * days * DAY_MS
    // "Three weeks ago" is about a week, not a day.
    ranges.push({ from: middle - (days / 2) * DAY_MS, to: middle + (days / 2 + 1) * DAY_MS })
  }
  return ranges
}

const SMALL: Record<string, number> = { a: 1, an: 1, two: 2, three: 3, four: 4, five: 5, six: 6 }

/** Patterns of relative dates with their range in days from today's start. */
const RELATIVE: [RegExp, number, number][] = [
  [/\btoday\b|aujourd'hui|\bheute\b|\bhoy\b|\boggi\b|сегодня|今日|今天|오늘|วันนี้|اليوم/iu, 0, 1],
  [/\byesterday\b|\bhier\b|\bgestern\b|\bayer\b|\bieri\b|вчера|昨日|昨天|어제|เมื่อวาน|أمس/iu, -1, 0],
  [
    /\blast week\b|semaine dernière|letzte[nr]? woche|semana pasada|settimana scorsa|прошлой неделе|先週|上周|上週|上个星期|지난주|สัปดาห์ที่แล้ว|الأسبوع الماضي/iu,
    -14,
    0,
  ],
  [/\bthis week\b|cette semaine|diese woche|esta semana|今週|这周|這週|本周|이번 주|สัปดาห์นี้/iu, -7, 1],
  [
    /\blast month\b|mois dernier|letzten monat|mes pasado|mese scorso|прошлом месяце|先月|上个月|上個月|지난달|เดือนที่แล้ว|الشهر الماضي/iu,
    -61,
    -1,
  ],
  [/\bthis month\b|ce mois|diesen monat|este mes|今月|这个月|這個月|이번 달|เดือนนี้/iu, -31, 1],
  [
    /\blast year\b|l'année dernière|letztes jahr|año pasado|anno scorso|прошлом году|去年|昨年|작년|ปีที่แล้ว|العام الماضي/iu,
    -730,
    -1,
  ],
  [/\b(?:recently|lately)\b|récemment|neulich|recientemente|недавно|最近|요즘|최근|ล่าสุด/iu, -30, 1],
]

const UNITS: Record<string, number> = { day: 1, week: 7, month: 30.44, year: 365.25 }
