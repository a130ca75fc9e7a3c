/** What sort of thing answers a question. */
export type AnswerKind = 'moment' | 'number' | 'place'

/**
 * The kinds of answer that the question words of some twenty languages ask for. `normal` is the normalised
 * question, `words` its words.
 */
export function answerKindsOf(normal: string, words: readonly string[]): Set<AnswerKind> {
  const kinds = new Set<AnswerKind>()
  for (const word of words) {
    const kind = KIND_OF.get(word)
    if (kind) kinds.add(kind)
  }
  for (const [kind, pattern] of PATTERNS) if (pattern.test(normal)) kinds.add(kind)
  return kinds
}

const WORDS: Record<AnswerKind, string> = {
  moment: `when quand wann cuándo cuando quando wanneer när hvornår når когда متي kiedy kdy mikor milloin`,
  number: `combien wieviel cuánto cuántos cuánta cuántas quanto quanti quante quantos quantas hoeveel сколько كم ile`,
  place: `where où wo wohin woher dónde adónde dove onde aonde waar var hvor где куда откуда اين gdzie kde hol missä
    nerede`,
}

const KIND_OF = new Map<string, AnswerKind>(
  Object.entries(WORDS).flatMap(([kind, words]) =>
    words.split(/\s+/).map((word) => [word, kind as AnswerKind] as const),
  ),
)

const PATTERNS: [AnswerKind, RegExp][] = [
  ['moment', /\b(?:what|which) (?:date|day|month|year|time)\b|\bhow long ago\b/],
  ['moment', /いつ|何[年月日時]|什么时候|什麼時候|何时|何時|哪[年天]|언제|เมื่อไหร่|เมื่อไร/u],
  ['number', /\bhow (?:many|much|old|long|often)\b|wie ?viele?|wie oft|hur många|hvor mange/],
  ['number', /いくつ|いくら|何[人回個本枚匹歳]|多少|几|幾|몇|얼마|กี่|เท่าไหร่/u],
  ['place', /\b(?:what|which) (?:city|country|state|town|place)\b/],
  ['place', /どこ|哪里|哪裡|哪儿|哪兒|어디|ที่ไหน/u],
]
