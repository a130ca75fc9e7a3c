import { z } from 'zod'
import { MAX_ANSWER_LENGTH, type UnreadableReason } from '../types.ts'
import { withoutThoughts } from './clean.ts'
import { type Collected, collect, collectBeside, merge } from './collect.ts'
import { collectLines } from './lines.ts'
import { type Json, parseJson } from './parse.ts'
import { isRefusal } from './refusal.ts'
import { nextStart, type Span, scan } from './scan.ts'
import { NOTHING } from './sentences.ts'

export type ReadAnswer =
  | { collected: Collected; repaired: boolean }
  | { reason: UnreadableReason; detail: string }

/** The shape that is asked for; an answer that has it needs no mending. */
const cleanAnswer = z.object({
  facts: z.array(
    z.object({
      text: z.string().min(1),
      topic: z.string(),
      sub_topic: z.string(),
      messages: z.array(z.int()),
      importance: z.int(),
      event_date: z.string().nullable(),
    }),
  ),
  entities: z.array(z.object({ name: z.string(), type: z.string() })),
  relations: z.array(z.object({ subject: z.string(), predicate: z.string(), object: z.string() })),
  summary: z.string(),
})

/**
 * The lists of facts, entities and relations in whatever a model wrote, or why there are none. Never throws, and takes
 * time linear in the text. An answer that ends too early is `truncated` even where its beginning could be read: what
 * is missing would be lost in silence.
 */
export function readAnswer(text: string, isCut: boolean): ReadAnswer {
  const trimmed = text.trim()
  if (trimmed === '') return failed('empty', 'the answer has no text')
  if (trimmed.length > MAX_ANSWER_LENGTH)
    return failed('too_large', `the answer has ${trimmed.length} characters, more than ${MAX_ANSWER_LENGTH}`)
  const whole = wholeJson(trimmed)
  if (whole !== undefined && cleanAnswer.safeParse(whole).success)
    return { collected: collect(whole) as Collected, repaired: false }

  const inner = stringOfJson(trimmed)
  if (inner !== undefined) return readAnswer(inner, isCut)
  const answer = withoutThoughts(trimmed)?.trim()
  if (answer === undefined)
    return failed('truncated', 'the answer ends before the model had stopped thinking')
  if (answer === '') return failed('empty', 'there is nothing after the thoughts')
  if (/^(?:```\w*\s*)?\[\s*\](?:\s*```)?$/u.test(answer))
    return { collected: { ...(collect({ facts: [] }) as Collected) }, repaired: true }
  return readJson(answer, isCut) ?? readWords(answer, isCut)
}

/** The JSON values in a text that is more than JSON. */
function readJson(answer: string, isCut: boolean): ReadAnswer | undefined {
  const found: { span: Span; collected: Collected }[] = []
  let hasJson = false
  let hasFacts = false
  for (let at = nextStart(answer, 0); at !== -1; ) {
    const span = scan(answer, at)
    if (span.ending === 'cut')
      return failed('truncated', `the JSON that begins at character ${at} has no end`)
    const value = parseJson(span.canonical)
    const collected = value === undefined ? undefined : collect(value)
    if (span.ending === 'open_object' && (isCut || !collected?.named))
      return failed('truncated', `the JSON that begins at character ${at} has no end`)
    if (collected && span.damaged)
      return failed('wrong_shape', 'a text holds half an escape, or has no closing quote')
    if (value === undefined && mayHoldFacts(span))
      return failed('no_json', `the JSON at character ${at} cannot be parsed`)
    hasJson ||= value !== undefined
    const beside = collected ?? (value === undefined ? undefined : collectBeside(value))
    if (beside) found.push({ span, collected: beside })
    hasFacts ||= collected !== undefined
    at = nextStart(answer, Math.max(span.end, at + 1))
  }
  if (!hasFacts) return hasJson ? wrongShape(answer, isCut) : undefined
  // Cut by the limit behind the one complete answer: the rest was chatter. Of several, one may be missing.
  if (isCut && !(found.length === 1 && found[0]?.collected.named))
    return failed('truncated', 'the token limit ended the answer')
  return { collected: merge(latest(answer, found)), repaired: true }
}

/** A model that corrects itself means its last answer; one that goes on means all of them. */
function latest(answer: string, found: readonly { span: Span; collected: Collected }[]): Collected[] {
  const last = found.findLastIndex(({ span }, i) => {
    const before = found[i - 1]
    return before !== undefined && CORRECTION.test(answer.slice(before.span.end, span.start))
  })
  return found.slice(Math.max(0, last)).map(({ collected }) => collected)
}

function readWords(answer: string, isCut: boolean): ReadAnswer {
  const lines = collectLines(answer)
  if (lines === 'cut' || (lines && isCut)) return failed('truncated', 'the list of facts has no end')
  if (lines) return { collected: lines, repaired: true }
  if (isCut) return failed('truncated', 'the token limit came before any facts')
  if (isRefusal(answer)) return failed('refused', 'the model declines in words')
  if (answer.length <= 120 && !/^(?:none|null|-)$/iu.test(answer) && NOTHING.test(answer))
    return { collected: collect({ facts: [] }) as Collected, repaired: true }
  return failed('no_json', 'the answer has no JSON and no list of facts')
}

function wrongShape(answer: string, isCut: boolean): ReadAnswer {
  const words = readWords(answer, isCut)
  if ('collected' in words || words.reason === 'refused') return words
  return failed('wrong_shape', 'the JSON has no list "facts"')
}

function wholeJson(text: string): Json | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  return parseJson(text)
}

/** JSON that was written as a JSON string. */
function stringOfJson(text: string): string | undefined {
  if (!/^"\s*[{[]/u.test(text)) return undefined
  try {
    const inner: unknown = JSON.parse(text)
    return typeof inner === 'string' && inner.length < text.length ? inner : undefined
  } catch {
    return undefined
  }
}

function mayHoldFacts({ canonical }: Span): boolean {
  return canonical === '' || canonical.length > 60
}

function failed(reason: UnreadableReason, detail: string): ReadAnswer {
  return { reason, detail }
}

const CORRECTION =
  /correct(?:ed|ion)|revised|updated|instead|final (?:answer|version)|更正|修正|改正|訂正|수정|corrig|korrig/iu
