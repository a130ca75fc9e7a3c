import { LRUCache } from 'lru-cache'
import { type Json, plainKey } from './parse.ts'

export type JsonObject = { [key: string]: Json }

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The names that models give to a field, in the languages they do it in. The first is the one asked for. */
const NAMES = {
  facts: `facts fact factlist memories memory memoryitems memoryfacts items extractedfacts extractedmemories newfacts
    newmemories keyfacts userfacts list entries 事实 事實 事实列表 记忆 記憶 記憶一覧 事実 事実一覧 事実リスト メモリ 사실 사실들 기억 hechos
    datos faits fakten fatti fatos факты حقائق الحقائق`,
  text: `text fact content memory statement sentence description facttext memorytext value detail details factcontent
    summary 内容 內容 文本 事实 事實 事実 テキスト 記憶 내용 텍스트 사실 텍스트내용 texto hecho texte fait contenu fakt inhalt testo текст факт نص النص الحقيقة`,
  topic: `topic category theme topicname type tag label domain 主题 主題 话题 類別 类别 トピック カテゴリ カテゴリー 주제 카테고리 tema
    categoría thème sujet catégorie thema kategorie тема категория موضوع الموضوع`,
  subTopic: `subtopic subtopicname subcategory subtheme 子主题 子主題 サブトピック 하위주제 subtema sousthème unterthema подтема`,
  messages: `messages message messageids messageid messagenumbers messagenumber msg msgs msgid sourcemessages source
    sources sourceid sourceids evidence refs references citations cites cite from ids 消息 消息编号 訊息 メッセージ メッセージ番号 메시지
    mensajes nachrichten сообщения الرسائل`,
  importance: `importance priority weight score rating relevance significance salience 重要性 重要程度 重要度 중요도 importancia
    wichtigkeit важность الأهمية`,
  date: `eventdate date time timestamp when datetime eventtime occurredat happenedat validat 日期 事件日期 時間 时间 日付 イベント日
    날짜 fecha datum дата التاريخ`,
  speaker: `speaker saidby who person name role author attributedto user 说话人 話者 발화자 hablante locuteur sprecher говорящий`,
  entities: `entities entity extractedentities namedentities nodes 实体 實體 エンティティ 개체 entidades entités entitäten сущности الكيانات`,
  name: 'name entity text label id value title 名称 名字 名前 이름 nombre nom имя',
  type: 'type entitytype category kind class label 类型 種類 タイプ 유형 tipo typ тип',
  relations: `relations relationships relation triples triplets edges graph 关系 關係 関係 관계 relaciones beziehungen отношения العلاقات`,
  subject: 'subject head from s source subj subjectentity 主语 主体 主語 주어 sujeto sujet subjekt субъект',
  predicate:
    'predicate relation relationship verb p type edge label rel pred 谓语 关系 述語 관계 predicado prädikat предикат',
  object:
    'object target tail to o obj destination objectentity 宾语 客体 目的語 목적어 objeto objet objekt объект',
  summary: `summary newsummary conversationsummary updatedsummary rollingsummary 摘要 总结 總結 要約 まとめ 요약 resumen résumé
    zusammenfassung riassunto резюме ملخص الملخص`,
  /** What answers are put into without being asked. */
  wrapper: `result results data output response answer arguments args parameters params input properties json extraction
    extracted message content choices value root return returnvalue function toolcalls payload body final finalanswer 结果 結果 결과 resultado résultat ergebnis`,
} as const

export type Field = keyof typeof NAMES

/** An answer has the same few keys in each of its items, and each is looked for under some dozen names. */
const folded = new LRUCache<string, string>({ max: 500 })
/** Longer keys are none that anybody looks for. */
const MAX_HELD_LENGTH = 100

const ORDER = Object.fromEntries(
  Object.entries(NAMES).map(([field, names]) => [field, names.split(/\s+/).map(fold)]),
) as Record<Field, string[]>

/** The value of a field under whichever of its names comes first in the list; `undefined` if under none. */
export function fieldOf(object: JsonObject, field: Field): Json | undefined {
  return fieldsOf(object, field)[0]
}

/** As `fieldOf`, and what the same key holds when it is repeated. */
export function fieldsOf(object: JsonObject, field: Field): Json[] {
  const keys = Object.keys(object)
  for (const name of ORDER[field]) {
    const same = keys.filter((key) => fold(plainKey(key)) === name)
    if (same.length > 0) return same.map((key) => object[key] as Json)
  }
  return []
}

/** Whether a key is one of the names of a field. */
export function isNameOf(key: string, field: Field): boolean {
  return ORDER[field].includes(fold(plainKey(key)))
}

/** `Event Date`, `eventDate` and `event_date` are one name. */
function fold(key: string): string {
  const known = folded.get(key)
  if (known !== undefined) return known
  const name = key
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, '')
  if (key.length <= MAX_HELD_LENGTH) folded.set(key, name)
  return name
}
