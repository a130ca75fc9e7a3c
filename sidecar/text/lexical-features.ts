import data from './data/lexical-features.json' with { type: 'json' }
import type { Language } from './terms/language.ts'

/** Kinds of function words that a text contains. */
export interface LexicalFeatures {
  /** "I", "our". */
  firstPerson: boolean
  /** "you", "your". */
  secondPerson: boolean
  /** "yesterday", "last May", "since Friday". */
  timeExpression: boolean
  /** A number written as a word. */
  numeral: boolean
}

type Feature = keyof LexicalFeatures

/** `normal` and `words` must be normalised. */
export function detectLexicalFeatures(
  normal: string,
  words: readonly string[],
  language: Language,
): LexicalFeatures {
  const table = WORDS.get(language)
  const has = (feature: Feature) =>
    (table !== undefined && words.some((word) => table[feature].has(word))) ||
    UNSPACED_PATTERNS[feature].test(normal)
  return {
    firstPerson: has('firstPerson'),
    secondPerson: has('secondPerson'),
    timeExpression: has('timeExpression'),
    numeral: has('numeral'),
  }
}

const WORDS = new Map(
  Object.entries(data).map(([language, lists]) => {
    const setOf = (feature: Feature) => new Set(lists[feature].split(' '))
    const table: Record<Feature, ReadonlySet<string>> = {
      firstPerson: setOf('firstPerson'),
      secondPerson: setOf('secondPerson'),
      timeExpression: setOf('timeExpression'),
      numeral: setOf('numeral'),
    }
    return [language, table]
  }),
)

/** Chinese, Japanese, Korean and Thai have no reliable word boundaries, so the text itself is searched. */
const UNSPACED_PATTERNS: Record<Feature, RegExp> = {
  firstPerson: /私|僕|俺|我|咱|나는|나의|내가|제가|저는|저의|우리|ฉัน|ผม|เรา/u,
  secondPerson: /あなた|君|你|您|너는|네가|당신|คุณ|เธอ/u,
  timeExpression:
    /昨日|今日|明日|先週|来週|先月|来月|去年|昨年|最近|昨夜|週末|昨天|今天|明天|上周|下周|上週|下週|上个月|上個月|周末|前天|刚刚|剛剛|어제|오늘|내일|지난|다음|최근|작년|주말|เมื่อวาน|วันนี้|พรุ่งนี้|ที่แล้ว|ล่าสุด/u,
  numeral: /[二三四五六七八九十百千两兩]|하나|다섯|여섯|일곱|여덟|아홉|สอง|สาม|สี่|ห้า/u,
}
