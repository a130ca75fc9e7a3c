import { asks } from '../asking/asking.ts'
import { isBareAnswer, isPhatic } from '../cleaning/phatic.ts'
import { identityKey } from '../identity.ts'
import { splitSentences } from '../sentences.ts'
import { UNSPACED } from '../terms/segment.ts'

/** A text and the end of the message before it. */
interface Said {
  text: string
  context?: string | null | undefined
}

/** The question that a message ends with, up to two sentences before its end; `null` without one. */
export function questionIn(content: string): string | null {
  const last = splitSentences(content.slice(-MAX_QUESTION)).slice(-3)
  const end = last.findLastIndex(isRealQuestion)
  if (end < 0) return null
  // "Do you take any medicine? Or vitamins?" is one question.
  const start = last.slice(0, end).findLastIndex((sentence) => !isRealQuestion(sentence)) + 1
  return last.slice(start, end + 1).join(' ')
}

/** The question that makes a short answer understandable: "Yes." alone says nothing. */
export function answeredQuestion({ text, context }: Said): string | null {
  return context && isShortAnswer(text) ? questionIn(context) : null
}

/** As `identityKey`; the same short answer to another question states something else. */
export function statementKey(said: Said): string {
  const key = identityKey(said.text)
  const question = answeredQuestion(said)
  return question === null ? key : `${identityKey(question)}\n${key}`
}

/** A text with the question that it answers, for what is searched. */
export function searchedText(said: Said): string {
  const question = answeredQuestion(said)
  return question === null ? said.text : `${question} ${said.text}`
}

/** UTF-16 code units. */
const MAX_QUESTION = 300
const MAX_ANSWER = 120
/** Words, and letters of a script without spaces. */
const MAX_WORDS = 3
const MAX_LETTERS = 8
const LETTERS = new RegExp(`[${UNSPACED}]`, 'gu')
/** Who names the subject tells more than an answer. */
const SUBJECT =
  /\b(?:I|I'm|we|my|ich|wir|mein\w*|je|j'ai|mi|mis|soy|estoy|tengo|vivo|eu|io)\b|[私僕俺我咱]|(?:^|\s)(?:나|저|제|내|우리)/iu

function isRealQuestion(sentence: string): boolean {
  return asks(sentence) && !isPhatic(sentence, { answersQuestion: false })
}

function isShortAnswer(text: string): boolean {
  if (text.length > MAX_ANSWER || text.includes('\n')) return false
  const [opening = ''] = text.split(/[,.!、，。！:;—–]/u, 1)
  if (isBareAnswer(opening)) return true
  const letters = text.match(LETTERS)?.length ?? 0
  return letters <= MAX_LETTERS && text.trim().split(/\s+/).length <= MAX_WORDS && !SUBJECT.test(text)
}
