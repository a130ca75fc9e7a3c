import { foldAccents, normalise } from '../terms/normalise.ts'

const HONORIFICS = /(?:さん|ちゃん|くん|君|様|氏|\s?씨|님|先生)$/u
const TITLES = /^(?:mr|mrs|ms|dr|herr|frau|señora?|don|doña)\.? (?=\p{L})/u

/** The key of a name: two names with one key are the same name. */
export function nameKey(name: string): string {
  const plain = normalise(name).replace(/\s+/g, ' ').trim().replace(TITLES, '')
  const bare = plain.replace(HONORIFICS, '')
  return foldAccents(bare.length >= 2 ? bare : plain)
}

const NOT_TYPED = new Set(['name', 'thing', 'title', 'other', 'entity', 'unknown', ''])

/** Whether two types may be those of one entity: equal, or one of them is not known. */
export function areCompatible(one: string, other: string): boolean {
  return one === other || NOT_TYPED.has(one) || NOT_TYPED.has(other)
}

export function isTyped(type: string): boolean {
  return !NOT_TYPED.has(type)
}

/** Regions that contain cities and are no country. */
const REGIONS =
  'europe africa asia america europa afrika asien áfrica américa ヨーロッパ 欧州 アジア 欧洲 亚洲 유럽 아시아 california texas florida bavaria bayern hessen sachsen andalucía cataluña england scotland wales hokkaido kansai kanto 北海道 関西 関東 九州 四国 四川 广东 浙江 江苏 경기도 강원도 제주도 加州 加利福尼亚州 德州 ハワイ州 カリフォルニア州 한국 미국 영국'
const AREA_SUFFIX = /(?:県|省)$/u

/** City states, and a city with the name of a country. */
const CITIES = 'singapore singapur シンガポール 新加坡 싱가포르 monaco 香港 granada'

let areas: ReadonlySet<string> | undefined

/** The names of all regions: 4,000 calls of Intl, made when the first two places are compared and not at the start. */
function readAreas(): ReadonlySet<string> {
  const keys = new Set(REGIONS.split(' ').map(nameKey))
  for (const language of ['en', 'de', 'es', 'ja', 'zh', 'ko']) {
    const names = new Intl.DisplayNames([language], { type: 'region', fallback: 'none' })
    for (const first of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') {
      for (const second of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') {
        const name = names.of(first + second)
        if (name !== undefined) keys.add(nameKey(name))
      }
    }
  }
  for (const city of CITIES.split(' ')) keys.delete(nameKey(city))
  return keys
}

/** Whether a place contains others: a country in one of six languages, a continent, a state. */
export function isArea(name: string): boolean {
  const key = nameKey(name)
  areas ??= readAreas()
  return areas.has(key) || AREA_SUFFIX.test(key)
}
