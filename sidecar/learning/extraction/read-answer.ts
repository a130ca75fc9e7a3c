import { type AnswerContent, collect, collectRelated, merge } from './collect.ts'
import { fieldOf, isSaidToBeEmpty } from './fields.ts'
import { isObject, type Json, type JsonInAnswer, MAX_ANSWER_LENGTH, parseModelAnswer } from './model-json.ts'
import type { UnreadableReason } from './types.ts'

/** `partial`: the complete facts of a truncated answer. */
type ReadAnswer = AnswerContent | { reason: UnreadableReason; detail: string; partial?: AnswerContent }

/**
 * Reads an answer, or says why it cannot be used. Never throws. An answer that the token limit cut off (`isCutOff`) is
 * unreadable even if its first facts are complete: accepting it would lose the other facts silently.
 */
export function readAnswer(raw: string, isCutOff: boolean): ReadAnswer {
  if (raw.length > MAX_ANSWER_LENGTH)
    return fail('too_large', `the answer has ${raw.length} characters, more than ${MAX_ANSWER_LENGTH}`)
  const { text, values, isTruncated } = parseModelAnswer(separateLists(decodeHtml(raw)), isCutOff)
  if (text === '')
    return isTruncated
      ? fail('truncated', 'the answer ends within the reasoning of the model')
      : fail('empty', 'the answer has no text')

  const found = values.flatMap((json) => {
    const content = collect(json.value)
    return content ? [{ json, content }] : []
  })
  const [first] = found
  const isIncomplete =
    isTruncated ||
    // Text after one complete object was cut off, which loses nothing. Of several objects the last may be missing.
    (isCutOff && !(found.length === 1 && first?.content.isNamed)) ||
    found.some(({ json, content }) => json.source === 'completed' && !content.isNamed)
  // jsonrepair may have split a text at an unescaped quote inside it.
  const isDamaged = found.some(
    ({ json, content }) => json.source === 'repaired' && content.facts.some(hasUnpairedQuote),
  )
  if (isIncomplete) {
    const partial = merge(found.map(({ content }) => content))
    const detail = `the answer ends too early, after ${partial.facts.length} complete facts`
    return { ...fail('truncated', detail), ...(partial.facts.length > 0 && !isDamaged ? { partial } : {}) }
  }
  if (!first) return readWithoutFacts(text, values)
  if (isDamaged) return fail('wrong_shape', 'a repaired text has an unpaired quote')
  const related = values.flatMap(({ value }) => collectRelated(value) ?? [])
  return merge([...latest(text, found), ...related])
}

/** Decodes an answer that is HTML-escaped as a whole. */
function decodeHtml(raw: string): string {
  if (raw.includes('"') || !raw.includes('&quot;')) return raw
  const decoded = raw.replace(/&(?:quot|#34);/gu, '"').replace(/&(?:apos|#39);/gu, "'")
  return decoded.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

/** Renames repeated "facts" keys, of which `JSON.parse` keeps only the last. `isNameOf` ignores `_` and `-`. */
function separateLists(raw: string): string {
  let count = 0
  return raw.replace(/(?<!\\)"facts"(?=\s*:)/gu, (key) =>
    count++ === 0 ? key : `"facts${(count - 1).toString(2).replaceAll('0', '_').replaceAll('1', '-')}"`,
  )
}

/**
 * Of several complete answers the last counts: models draft, quote the example of the prompt, or correct themselves.
 * Objects that hold one fact or one list each are parts of one answer unless a correction is between them.
 */
function latest(
  text: string,
  found: readonly { json: JsonInAnswer; content: AnswerContent }[],
): AnswerContent[] {
  // Two objects of one fact each are a draft and its correction; more are one object per fact.
  const arePerFact = found.length > 2 && found.every(({ content }) => content.facts.length === 1)
  const from = found.findLastIndex(({ json, content }, i) => {
    if (content.isNamed && !arePerFact) return true
    const previous = found[i - 1]
    return previous !== undefined && CORRECTION.test(text.slice(previous.json.end, json.start))
  })
  return found.slice(Math.max(0, from)).map(({ content }) => content)
}

const CORRECTION =
  /correct(?:ed|ion)|revised|updated|instead|final (?:answer|version)|更正|修正|改正|訂正|수정|corrig|korrig/iu

function hasUnpairedQuote(item: Json): boolean {
  const text = isObject(item) ? fieldOf(item, 'text') : item
  return typeof text === 'string' && text.split('"').length % 2 === 0
}

function readWithoutFacts(text: string, values: readonly JsonInAnswer[]): ReadAnswer {
  if (isRefusal(text)) return fail('refused', 'the model declines in words')
  const isEmptyList = values.length === 1 && Array.isArray(values[0]?.value) && values[0].value.length === 0
  if (isEmptyList || isSaidToBeEmpty(text)) return merge([])
  if (values.length > 0) return fail('wrong_shape', 'the JSON has no list "facts"')
  return fail('no_json', 'the answer has no readable JSON')
}

function fail(reason: UnreadableReason, detail: string): { reason: UnreadableReason; detail: string } {
  return { reason, detail }
}

/** Whether the model declines in words. Only meaningful for an answer without facts. */
function isRefusal(answer: string): boolean {
  return REFUSALS.some((pattern) => pattern.test(answer.slice(0, 600)))
}

const REFUSALS = [
  /\b(?:I(?:'|’)?m|I am|we are)?\s*(?:sorry|afraid|unable|not able)\b[^.!?\n]{0,60}\b(?:can(?:'|’)?t|cannot|can not|unable|not able|won(?:'|’)?t|help|assist|comply)/iu,
  /\bI\s+(?:can(?:'|’)?t|cannot|can not|won(?:'|’)?t|must decline|am unable|am not able|decline)\b/iu,
  /\bas an? (?:AI|language model|artificial)/iu,
  /(?:无法|不能|無法|抱歉|对不起|對不起)[^。\n]{0,40}(?:提供|处理|處理|协助|協助|帮助|幫助|满足|提取|回答|请求)/u,
  /(?:申し訳|恐れ入り|ごめん)[^。\n]{0,60}(?:できません|いたしかね|対応|お手伝い|お答え)|(?:お答え|対応|抽出)(?:する)?(?:ことは)?でき(?:ません|かね)/u,
  /(?:죄송|미안)[^.\n]{0,60}(?:없습니다|어렵습니다|수 없)/u,
  /\b(?:je (?:ne peux|suis désolé|regrette)|désolé,? (?:mais )?je)\b/iu,
  /\b(?:lo siento|no puedo)\b[^.\n]{0,60}\b(?:puedo|ayudar|procesar|extraer|cumplir|proporcionar)/iu,
  /\b(?:es tut mir leid|tut mir leid|ich kann (?:das|dies|diese|dir|Ihnen|leider)[^.\n]{0,40}nicht)/iu,
  /(?:извините|к сожалению|простите)[^.\n]{0,60}(?:не могу|невозможно)/iu,
  /(?:آسف|عذرا|أعتذر)[^.\n]{0,60}(?:لا أستطيع|لا يمكنني|لا أقدر)/u,
]
