import data from '../data/question-words.json' with { type: 'json' }

/** The type of answer that a question expects. */
export type AnswerType = 'moment' | 'number' | 'place'

/** Detects the expected answer types. `normal` is the normalised question, `words` its words. */
export function detectAnswerTypes(normal: string, words: readonly string[]): Set<AnswerType> {
  const types = new Set<AnswerType>()
  for (const word of words) {
    const type = TYPE_OF_WORD.get(word)
    if (type) types.add(type)
  }
  for (const [type, pattern] of PATTERNS) if (pattern.test(normal)) types.add(type)
  return types
}

/** English words that belong to the act of asking rather than to the subject ("kind", "mentioned"). */
export const ASKING_WORDS: ReadonlySet<string> = new Set(data.asking.join(' ').split(' '))

const TYPE_OF_WORD = new Map(
  Object.entries(data.answerTypes).flatMap(([type, words]) =>
    words.split(' ').map((word) => [word, type as AnswerType] as const),
  ),
)

const PATTERNS: [AnswerType, RegExp][] = [
  ['moment', /\b(?:what|which) (?:date|day|month|year|time)\b|\bhow long ago\b/],
  ['moment', /いつ|何[年月日時]|什么时候|什麼時候|何时|何時|哪[年天]|언제|เมื่อไหร่|เมื่อไร/u],
  ['number', /\bhow (?:many|much|old|long|often)\b|wie ?viele?|wie oft|hur många|hvor mange/],
  ['number', /いくつ|いくら|何[人回個本枚匹歳]|多少|几|幾|몇|얼마|กี่|เท่าไหร่/u],
  ['place', /\b(?:what|which) (?:city|country|state|town|place)\b/],
  ['place', /どこ|哪里|哪裡|哪儿|哪兒|어디|ที่ไหน/u],
]
