import { jsonrepair } from 'jsonrepair'

/** Most characters of an answer that are read, and most values visited in it. */
const MAX_LENGTH = 100_000
const MAX_VALUES = 20_000
const MAX_DEPTH = 12

type JsonObject = Record<string, unknown>

/**
 * The objects in an answer that `wanted` accepts, in order, wherever they are: bare, in fences, between prose, in
 * arrays, in JSON inside a JSON string. An object that was cut off is left out: half a number is another number.
 */
export function objectsIn(answer: string, wanted: (value: JsonObject) => boolean): JsonObject[] {
  const found: JsonObject[] = []
  let visits = 0
  const visit = (value: unknown, depth: number): void => {
    if (++visits > MAX_VALUES || depth > MAX_DEPTH) return
    if (typeof value === 'string') {
      // Arguments written as a string inside the JSON.
      if (/^\s*[[{]/.test(value)) for (const inner of valuesIn(value)) visit(inner, depth + 1)
    } else if (Array.isArray(value)) {
      for (const inner of value) visit(inner, depth + 1)
    } else if (typeof value === 'object' && value !== null) {
      if (wanted(value as JsonObject)) found.push(value as JsonObject)
      else for (const inner of Object.values(value)) visit(inner, depth + 1)
    }
  }
  for (const value of valuesIn(answer.slice(0, MAX_LENGTH))) visit(value, 0)
  return found
}

function valuesIn(text: string): unknown[] {
  const whole = parse(text)
  if (whole !== undefined) return [whole]
  const read = closedSpans(text).flatMap((span) => valuesOf(text, span, 0))
  if (read.length > 0 || !/[}\]][`\s]*$/.test(text)) return read
  // Quotes of another kind hide where things end; what has its last bracket was not cut off.
  const repaired = repair(text)
  return repaired === undefined ? [] : [repaired]
}

/** A stretch from a bracket to its counterpart, with those directly inside it. */
interface Span {
  start: number
  end: number
  inside: Span[]
}

function valuesOf(text: string, { start, end, inside }: Span, depth: number): unknown[] {
  const part = text.slice(start, end)
  const value = parse(part) ?? repair(part)
  if (value !== undefined) return [value]
  return depth < MAX_DEPTH ? inside.flatMap((span) => valuesOf(text, span, depth + 1)) : []
}

/** The outermost spans that have both ends, in order. Brackets in strings do not count, nor quotes in prose. */
function closedSpans(text: string): Span[] {
  const closed: Span[] = []
  const open: Span[] = []
  const count = { '{': 0, '[': 0 }
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (quoted) {
      if (character === '\\') at++
      else if (character === '"') quoted = false
    } else if (character === '"') {
      quoted = open.length > 0
    } else if (character === '{' || character === '[') {
      open.push({ start: at, end: at, inside: [] })
      count[character]++
    } else if (character === '}' || character === ']') {
      const opening = character === '}' ? '{' : '['
      if (count[opening] === 0) continue
      const level = open.findLastIndex((span) => text[span.start] === opening)
      const [span, ...unclosed] = open.splice(level) as [Span, ...Span[]]
      for (const { start } of [span, ...unclosed]) count[text[start] as '{' | '[']--
      span.end = at + 1
      span.inside.push(...unclosed.flatMap((one) => one.inside))
      const into = open.at(-1)?.inside ?? closed
      into.push(span)
    }
  }
  // What was never closed gives up what is whole inside it.
  closed.push(...open.flatMap((span) => span.inside))
  return closed
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function repair(text: string): unknown {
  try {
    return JSON.parse(jsonrepair(text))
  } catch {
    return undefined
  }
}
