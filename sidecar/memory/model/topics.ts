import { normalise } from '../../text/normalise.ts'

export interface Topic {
  name: string
  description?: string
  subTopics?: readonly string[]
}

/** Where facts go that fit no topic of the schema. */
export const OTHER = 'other'

/** The topics that facts are sorted into unless an app brings its own. */
export const DEFAULT_TOPICS: readonly Topic[] = [
  {
    name: 'basic_info',
    subTopics: ['name', 'age', 'birthday', 'gender', 'nationality', 'languages', 'home'],
  },
  { name: 'contact', subTopics: ['email', 'phone', 'address', 'accounts'] },
  { name: 'work', subTopics: ['employer', 'role', 'projects', 'colleagues', 'skills'] },
  { name: 'education', subTopics: ['school', 'degree', 'subject'] },
  { name: 'relationships', subTopics: ['family', 'partner', 'friends', 'pets'] },
  { name: 'interests', subTopics: ['hobbies', 'sports', 'music', 'books', 'films', 'games', 'travel'] },
  { name: 'preferences', subTopics: ['likes', 'dislikes', 'food', 'style', 'answers'] },
  { name: 'health', subTopics: ['conditions', 'allergies', 'medication', 'diet', 'habits'] },
  { name: 'mind', subTopics: ['personality', 'feelings', 'beliefs', 'values'] },
  { name: 'life_events', subTopics: ['past', 'milestones', 'moves', 'trips'] },
  { name: 'plans', subTopics: ['goals', 'appointments', 'tasks'] },
  { name: 'possessions', subTopics: ['home', 'vehicles', 'devices', 'finances'] },
]

/** The schema of an app: its own topics, or the default ones. */
export function topicsOf(rules: { topics: readonly Topic[] }): readonly Topic[] {
  return rules.topics.length > 0 ? rules.topics : DEFAULT_TOPICS
}

/** A topic as a model wrote it → a topic of the schema, and a sub-topic if that is what it really named. */
export type FindTopic = (written: string) => { topic: string; subTopic?: string }

let findDefault: FindTopic | undefined

/** Finds topics of a schema; for the default one the names are folded once. */
export function topicFinder(topics: readonly Topic[]): FindTopic {
  if (topics !== DEFAULT_TOPICS) return makeFinder(topics)
  findDefault ??= makeFinder(topics)
  return findDefault
}

function makeFinder(topics: readonly Topic[]): FindTopic {
  const byName = new Map<string, { topic: string; subTopic?: string }>()
  const add = (key: string, found: { topic: string; subTopic?: string }) => {
    if (!byName.has(key)) byName.set(key, found)
  }
  add(fold(OTHER), { topic: OTHER })
  for (const { name } of topics) add(fold(name), { topic: name })
  for (const { name, subTopics } of topics)
    for (const subTopic of subTopics ?? []) add(fold(subTopic), { topic: name, subTopic })
  for (const line of SYNONYMS) {
    const [name = '', words = ''] = line.split(': ')
    const target = byName.get(fold(name))
    if (target) for (const word of words.split(' ')) add(fold(word), { topic: target.topic })
  }
  return (written) => {
    const key = fold(written)
    if (key === '') return { topic: OTHER }
    // "Work & Career" and "work/employer" name a topic among other words.
    const parts = () => written.split(/[\s/|,.:;>&、・／，]+|->|\band\b/u).map(fold)
    return byName.get(key) ?? nearest(parts(), byName) ?? nearest([stripped(key)], byName) ?? { topic: OTHER }
  }
}

/** Whether a topic is among those listed, however they are spelt. */
export function isListed(topic: string, list: readonly string[]): boolean {
  return list.some((one) => fold(one) === fold(topic))
}

function nearest<T>(keys: readonly string[], byName: ReadonlyMap<string, T>): T | undefined {
  for (const key of keys) {
    const found = byName.get(key) ?? byName.get(stripped(key)) ?? byName.get(`${key}s`)
    if (found) return found
  }
  return undefined
}

function stripped(key: string): string {
  return key.replace(/(?:info|information|details?|related|topic|s)$/u, '')
}

/** `Basic Info`, `basic-info` and `BASIC_INFO` are one name. */
export function fold(name: string): string {
  return normalise(name).replace(/[^\p{L}\p{N}]+/gu, '')
}

/** Names that models give to the default topics instead; used where the schema has that topic. */
const SYNONYMS = [
  'basic_info: personal identity demographics profile background location residence city 基本信息 个人信息 基本情報 個人情報 기본정보 거주지 居住地 住所 信息 identité persönliches',
  'contact: contacts email phone 联系方式 連絡先 연락처',
  'work: job career occupation profession employment business company professional 工作 职业 職業 仕事 직업 직장 travail emploi arbeit beruf trabajo работа عمل',
  'education: studies study academic university learning 教育 学习 学業 학업 교육 éducation études bildung educación образование',
  'relationships: relationship family friends social people pet pets 家庭 家族 人际关系 関係 宠物 ペット 가족 famille familie familia семья عائلة',
  'interests: interest hobby hobbies leisure sport music entertainment activities 爱好 兴趣 興趣 趣味 취미 관심사 loisirs hobbys aficiones хобби هوايات',
  'preferences: preference taste favorites favourites food likes 偏好 喜好 好み 선호 음식 饮食 食べ物 préférences vorlieben preferencias предпочтения',
  'health: medical allergy fitness diet wellness 健康 健康状况 건강 santé gesundheit salud здоровье صحة',
  'mind: psychological psychology personality emotions emotion opinion 心理 性格 성격',
  'life_events: event events lifeevent milestone experience experiences history travel trip 生活事件 经历 出来事 経験 경험 사건 événements ereignis события',
  'plans: plan goal goals future intention todo schedule appointment travel_plans 计划 計画 予定 계획 projets pläne planes планы خطط',
  'possessions: possession belongings ownership property car finance 财产 物品 持ち物 소유물',
  'other: misc miscellaneous general unknown none 其他 その他 기타 autre andere otro прочее',
] as const
