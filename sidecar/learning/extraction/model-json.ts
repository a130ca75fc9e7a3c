import { jsonrepair } from 'jsonrepair'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/** Longest answer that is parsed, in UTF-16 code units. */
export const MAX_ANSWER_LENGTH = 200_000

export interface JsonInAnswer {
  value: Json
  /** Offsets in `ModelAnswer.text`. */
  start: number
  end: number
  /** `strict`: valid JSON; `repaired`: by jsonrepair; `completed`: only closing braces were missing at the end. */
  source: 'strict' | 'repaired' | 'completed'
}

export interface ModelAnswer {
  /** The trimmed answer without the model's reasoning. */
  text: string
  /** JSON objects and arrays in the answer. Of a truncated one: the complete objects and arrays inside it. */
  values: JsonInAnswer[]
  /** The answer ends within its JSON or within the model's reasoning. */
  isTruncated: boolean
}

/**
 * Finds the JSON in a model's answer: bare, fenced, in prose, one object per line, or slightly malformed. Never throws.
 * Text that the token limit cut off (`isCutOff`) is never completed: half a number is another number.
 */
export function parseModelAnswer(answer: string, isCutOff: boolean): ModelAnswer {
  const trimmed = trim(answer)
  if (trimmed.length > MAX_ANSWER_LENGTH) return { text: trimmed, values: [], isTruncated: false }
  const whole = parseStrict(trimmed)
  if (typeof whole === 'string' && looksLikeJson(whole)) return parseModelAnswer(whole, isCutOff)
  if (typeof whole === 'object')
    return { text: trimmed, values: [valueAt(0, trimmed, whole, 'strict')], isTruncated: false }

  const { text, isThinking } = stripReasoning(trimmed)
  const { closed, unclosed, end, isInString } = findSpans(text)
  const values = closed.flatMap((span) => valuesOf(text, span, 0))
  const [first] = unclosed
  if (!first) return { text, values, isTruncated: isThinking }
  const completed = isCutOff ? undefined : complete(text, unclosed, end, isInString)
  if (completed) {
    const before = values.filter((value) => value.end <= first.start)
    return { text, values: [...before, completed], isTruncated: false }
  }
  const inside = unclosed.flatMap((span) => span.inside).flatMap((span) => valuesOf(text, span, 1))
  return { text, values: [...values, ...inside], isTruncated: true }
}

/** Parses a string inside of an answer that may hold JSON itself, such as the arguments of a tool call. */
export function parseNested(text: string): Json[] {
  return looksLikeJson(text) ? parseModelAnswer(text, false).values.map(({ value }) => value) : []
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function looksLikeJson(text: string): boolean {
  return /^\s*[{[]/u.test(text)
}

function trim(text: string): string {
  return text.replace(/^[\s\ufeff\u200b]+/u, '').trimEnd()
}

/** Keeps what follows the last closing tag; chat templates sometimes swallow the opening one. */
function stripReasoning(text: string): { text: string; isThinking: boolean } {
  const closing = [...text.matchAll(REASONING_END)].at(-1)
  const answer = closing ? text.slice(closing.index + closing[0].length) : text
  const opening = REASONING_START.exec(answer)
  const rest = trim(opening ? answer.slice(0, opening.index) : answer)
  return { text: rest, isThinking: opening !== null && rest === '' }
}

const REASONING_START = /<(?:think|thinking|thought|reasoning)>|<\|channel\|>\s*analysis/iu
const REASONING_END =
  /<\/(?:think|thinking|thought|reasoning)>|<\|channel\|>\s*final[^{[\n]{0,40}<\|message\|>/giu

/** From an opening bracket to its partner, with the spans directly inside it. */
interface Span {
  start: number
  end: number
  inside: Span[]
}

/** Finds bracketed spans that start like JSON. Brackets in double-quoted strings do not count. */
function findSpans(text: string): { closed: Span[]; unclosed: Span[]; end: number; isInString: boolean } {
  const closed: Span[] = []
  const open: Span[] = []
  const count = { '{': 0, '[': 0 }
  let isInString = false
  let at = 0
  for (; at < text.length; at++) {
    const character = text[at]
    if (character === '\\') {
      at++
    } else if (isInString) {
      isInString = character !== '"'
    } else if (character === '"') {
      isInString = open.length > 0
    } else if (character === '{' || character === '[') {
      START.lastIndex = at
      if (open.length === 0 && !START.test(text)) continue
      open.push({ start: at, end: at, inside: [] })
      count[character]++
    } else if (character === '}' || character === ']') {
      const opening = character === '}' ? '{' : '['
      if (count[opening] === 0) continue
      const level = open.findLastIndex((span) => text[span.start] === opening)
      const [span, ...skipped] = open.splice(level) as [Span, ...Span[]]
      for (const { start } of [span, ...skipped]) count[text[start] as '{' | '[']--
      span.end = at + 1
      span.inside.push(...skipped.flatMap((one) => one.inside))
      const parent = open.at(-1)?.inside ?? closed
      parent.push(span)
    } else if (character === '`' && open.length > 0 && text.startsWith('```', at)) {
      // The closing fence of an answer without its last bracket.
      break
    }
  }
  return { closed, unclosed: open, end: Math.min(at, text.length), isInString }
}

/** Excludes brackets in prose, such as `[1]` or `{name}`. */
const START = /[{[]\s*(?:["'“”‘`{[/#}\]]|[\p{L}_][\p{L}\p{N}_]*\s*:|$)/uy

/** Deepest level at which the parts of an unparsable span are tried on their own. */
const MAX_DEPTH = 12

function valuesOf(text: string, { start, end, inside }: Span, depth: number): JsonInAnswer[] {
  const part = text.slice(start, end)
  const strict = parseStrict(part)
  if (strict !== undefined) return [valueAt(start, part, strict, 'strict')]
  const repaired = repair(part)
  if (repaired !== undefined) return [valueAt(start, part, repaired, 'repaired')]
  return depth < MAX_DEPTH ? inside.flatMap((span) => valuesOf(text, span, depth + 1)) : []
}

/** Reads JSON that lost its last braces, or whose end is hidden by an unbalanced quote. */
function complete(
  text: string,
  unclosed: readonly Span[],
  end: number,
  isInString: boolean,
): JsonInAnswer | undefined {
  const start = (unclosed[0] as Span).start
  const part = text.slice(start, end).trimEnd()
  if (isInString) {
    const quoted = part.endsWith('```') ? part.slice(0, -3).trimEnd() : part
    const value = /[}\]]$/u.test(quoted) ? repair(quoted) : undefined
    return value === undefined ? undefined : valueAt(start, quoted, value, 'repaired')
  }
  const isOnlyBraces = unclosed.every((span) => text[span.start] === '{')
  if (!isOnlyBraces || !/["}\]]$/u.test(part)) return undefined
  const value = parseStrict(part + '}'.repeat(unclosed.length))
  return value === undefined ? undefined : valueAt(start, part, value, 'completed')
}

function valueAt(start: number, part: string, value: Json, source: JsonInAnswer['source']): JsonInAnswer {
  return { value, start, end: start + part.length, source }
}

function parseStrict(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function repair(text: string): Json | undefined {
  const compact = text.replace(/\s{3,}/gu, '\n')
  if (compact.length > MAX_REPAIRED_LENGTH || nestingOf(compact) > MAX_REPAIRED_NESTING) return undefined
  try {
    // jsonrepair takes the apostrophe of 'Ana's' for a quote, and drops the backslash of the escape `\x41`.
    const prepared = compact.replace(APOSTROPHE, PLACEHOLDER).replace(/\\x([0-9a-f]{2})/giu, '\\u00$1')
    return JSON.parse(jsonrepair(prepared).replaceAll(PLACEHOLDER, "'"))
  } catch {
    return undefined
  }
}

/** Limits for jsonrepair, which takes quadratic time on deep nesting, white space and quotes. In UTF-16 code units. */
const MAX_REPAIRED_LENGTH = 50_000
const MAX_REPAIRED_NESTING = 32

function nestingOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (const [bracket] of text.matchAll(/[{}[\]]/gu)) {
    depth = Math.max(0, depth + (bracket === '{' || bracket === '[' ? 1 : -1))
    deepest = Math.max(deepest, depth)
  }
  return deepest
}

const APOSTROPHE = /(?<=\p{L})'(?=\p{L})/gu
/** A private-use character. */
const PLACEHOLDER = '\ue000'
