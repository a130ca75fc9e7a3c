export const DAY_MS = 86_400_000

/** A half-open interval of time, epoch ms: `from` ≤ t < `to`. */
export interface DateRange {
  from: number
  to: number
}

/** Ranges of relative dates ("yesterday", "2 weeks ago") in days around `now`, wall clock in epoch milliseconds. */
export function findRelativeDates(text: string, now: number): DateRange[] {
  const ranges: DateRange[] = []
  const today = Math.floor(now / DAY_MS) * DAY_MS
  const add = (fromDays: number, toDays: number) =>
    ranges.push({ from: today + fromDays * DAY_MS, to: today + toDays * DAY_MS })
  let rest = text
  for (const [pattern, fromDays, toDays] of RELATIVE_PATTERNS) {
    if (!pattern.test(rest)) continue
    add(fromDays, toDays)
    // "The day before yesterday" is not yesterday.
    rest = rest.replace(pattern, ' ')
  }
  if (!/ago|vor|hace|il y a|前|전/i.test(rest)) return ranges
  for (const { groups = {} } of AGO.flatMap((pattern) => [...rest.matchAll(pattern)])) {
    const amount = groups['count']?.toLowerCase() ?? ''
    const count = NUMERALS[amount] ?? Number(amount)
    const unit = Object.keys(UNITS).find((name) => groups[name] !== undefined) as keyof typeof UNITS
    const days = UNITS[unit]
    const middle = -count * days
    // "Three weeks ago" means a week, not a day.
    if (unit === 'day') add(middle, middle + 1)
    else add(middle - days / 2, middle + days / 2 + 1)
  }
  return ranges
}

export function hasRelativeDate(text: string): boolean {
  return findRelativeDates(text, 0).length > 0
}

const UNITS = { day: 1, week: 7, month: 30.44, year: 365.25 }

const NUMERALS: Record<string, number> = {
  ...{ a: 1, an: 1, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6 },
  ...{ un: 1, une: 1, deux: 2, trois: 3, quatre: 4, cinq: 5 },
  ...{ einem: 1, einer: 1, zwei: 2, drei: 3, vier: 4, fünf: 5, sechs: 6 },
  ...{ una: 1, dos: 2, tres: 3, cuatro: 4, cinco: 5, seis: 6 },
  ...{ 一: 1, 二: 2, 两: 2, 兩: 2, 三: 3, 四: 4, 五: 5, 六: 6 },
}

const COUNT = `(?<count>(?<![\\d.])\\d{1,3}|(?<!\\p{L})(?:${Object.keys(NUMERALS)
  .filter((word) => /\p{Script=Latin}/u.test(word))
  .join('|')}))`
const HAN_COUNT = '(?<count>(?<![\\d.])\\d{1,3}|[一二两兩三四五六])'

/** "3 days ago" and its like. A group with the name of the unit matches. */
const AGO = [
  `${COUNT} (?:(?<day>days?)|(?<week>weeks?)|(?<month>months?)|(?<year>years?)) ago\\b`,
  `\\bvor ${COUNT} (?:(?<day>tag(?:en)?)|(?<week>wochen?)|(?<month>monat(?:en)?)|(?<year>jahr(?:en)?))\\b`,
  `\\bhace ${COUNT} (?:(?<day>d[ií]as?)|(?<week>semanas?)|(?<month>mes(?:es)?)|(?<year>años?))(?!\\p{L})`,
  `\\bil y a ${COUNT} (?:(?<day>jours?)|(?<week>semaines?)|(?<month>mois)|(?<year>ans?))\\b`,
  `${HAN_COUNT}\\s*(?:(?<day>[日天])|(?<week>週間|个星期|個星期|周|週)|(?<month>[かヶカケ个個]月)|(?<year>年))\\s*(?:以?前)`,
  `${HAN_COUNT}\\s*(?:(?<day>일)|(?<week>주일?)|(?<month>개월|달)|(?<year>년))\\s*전`,
].map((source) => new RegExp(source, 'giu'))

/** In German, "hier" is "here". */
const GERMAN = '\\b(?:ich|wir|sie|er|ist|sind|bin|und|der|das|ein|eine|nicht|wo|was|im|gibt|wohnt)\\b'
const FRENCH_HIER = `\\bhier\\b(?<!${GERMAN}.*)(?!.*${GERMAN})`

/** Patterns with their range in days from the start of today. Those that contain another precede it. */
const RELATIVE_PATTERNS: [RegExp, number, number][] = [
  [
    /\bday before yesterday\b|avant-hier|\bvorgestern\b|\banteayer\b|\bantes de ayer\b|l'altro ieri|позавчера|一昨日|おととい|前天|그저께|그제|엊그제/iu,
    -2,
    -1,
  ],
  [/\btoday\b|aujourd'hui|\bheute\b|\bhoy\b|\boggi\b|сегодня|今日|今天|오늘|วันนี้|اليوم/iu, 0, 1],
  [new RegExp(FRENCH_HIER, 'isu'), -1, 0],
  [/\byesterday\b|\bgestern\b|\bayer\b|\bieri\b|вчера|昨日|昨天|어제|เมื่อวาน|أمس/iu, -1, 0],
  // "Morgen" and "mañana" are also the morning.
  [
    /\btomorrow\b|\bdemain\b|(?<!(?:heute|gestern|guten?|am|jeden|diesen) )\bmorgen\b|(?<!(?:la|esta|buena) )\bmañana\b|завтра|明日|明天|내일/iu,
    1,
    2,
  ],
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
