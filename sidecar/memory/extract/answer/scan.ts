import { matchAt, opensString, readString } from './strings.ts'

/** A JSON-like value found in a text. */
export interface Span {
  start: number
  /** Offset behind its last character. */
  end: number
  /** As JSON: plain strings, literals and punctuation, commas put right. */
  canonical: string
  /**
   * `closed`: every bracket has its partner. `open_object`: only the last braces of objects are missing. `cut`: it
   * ends within a string, a list or between key and value.
   */
  ending: 'closed' | 'open_object' | 'cut'
  /** Text in it that cannot be what the model meant. */
  damaged: boolean
}

/** Deeper than any answer, shallower than any stack. */
const MAX_DEPTH = 64

/** Offset of the next bracket that begins JSON rather than prose (`[1]`, `{name}`), or -1. */
export function nextStart(text: string, from: number): number {
  START.lastIndex = from
  return START.exec(text)?.index ?? -1
}

/** Reads the JSON-like value that begins at `start`, in one pass. */
export function scan(text: string, start: number): Span {
  const stack: string[] = []
  const writer = new Writer()
  let damaged = false
  let at = start
  const span = (ending: Span['ending']): Span => ({
    start,
    end: at,
    canonical: writer.text(),
    ending,
    damaged,
  })

  while (at < text.length) {
    const character = text.charAt(at)
    const sign = SIGNS[character] ?? character
    // The fence around it ends before its brackets do.
    if (text.startsWith('```', at)) break
    if (/\s/u.test(character)) {
      at++
    } else if (sign === '{' || sign === '[' || sign === '(') {
      if (stack.length === MAX_DEPTH) return { ...span('closed'), canonical: '' }
      stack.push(sign)
      writer.open(sign === '(' ? '[' : sign)
      at++
    } else if (sign === '}' || sign === ']' || sign === ')') {
      at++
      const partner = stack.lastIndexOf(PARTNERS[sign] as string)
      // A bracket too many; one that was forgotten is put in before the next outer one.
      if (partner === -1) continue
      for (const open of stack.splice(partner).reverse()) writer.close(open === '{' ? '}' : ']')
      if (stack.length === 0) return span('closed')
    } else if (sign === ',') {
      writer.comma()
      at++
    } else if (sign === ':') {
      writer.colon()
      at++
    } else if (opensString(character)) {
      const isKey = stack.at(-1) === '{' && writer.last !== 'colon'
      const string = readString(text, at, isKey ? 'key' : stack.at(-1) === '{' ? 'value' : 'item')
      at = string.end
      if (!string.closed) return span('cut')
      damaged ||= string.damaged
      const value = string.value.toWellFormed()
      writer.value(
        JSON.stringify(string.damaged ? value : value.replaceAll('\ufffd', '')),
        isKey ? 'key' : 'value',
      )
    } else {
      const comment = matchAt(COMMENT, text, at)
      const bare = comment ? undefined : matchAt(stack.at(-1) === '(' ? BARE_IN_PARENTHESES : BARE, text, at)
      at += (comment ?? bare)?.[0].length ?? 1
      const literal = bare ? toLiteral(bare[0].trim()) : ''
      if (literal !== '') writer.value(literal, 'bare')
    }
  }
  const isWhole = (writer.last === 'close' || writer.last === 'value') && stack.every((open) => open === '{')
  if (isWhole) for (const _ of stack) writer.close('}')
  return span(isWhole ? 'open_object' : 'cut')
}

/** Writes JSON, with the commas and values that were forgotten and without those that are too many. */
class Writer {
  last: 'open' | 'key' | 'colon' | 'comma' | 'value' | 'bare' | 'close' = 'open'
  readonly #out: string[] = []

  open(bracket: string): void {
    this.#separate()
    this.#push(bracket, 'open')
  }

  close(bracket: string): void {
    if (this.last === 'comma') this.#out.pop()
    if (this.last === 'colon') this.#out.push('null')
    this.#push(bracket, 'close')
  }

  comma(): void {
    if (this.last === 'colon') this.#out.push('null')
    if (this.last !== 'comma' && this.last !== 'open') this.#push(',', 'comma')
  }

  colon(): void {
    this.#push(':', 'colon')
  }

  value(text: string, kind: 'key' | 'value' | 'bare'): void {
    this.#separate()
    this.#push(text, kind)
  }

  text(): string {
    return this.#out.join('')
  }

  #separate(): void {
    if (this.last === 'value' || this.last === 'bare' || this.last === 'close') this.#push(',', 'comma')
  }

  #push(text: string, last: typeof this.last): void {
    this.#out.push(text)
    this.last = last
  }
}

function toLiteral(bare: string): string {
  if (/^(?:\.{2,}|…+)$/u.test(bare)) return ''
  if (/^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?)$/u.test(bare)) return bare
  return PYTHON[bare] ?? JSON.stringify(bare)
}

const PYTHON: Readonly<Record<string, string>> = {
  True: 'true',
  False: 'false',
  None: 'null',
  undefined: 'null',
  NaN: 'null',
  nil: 'null',
}
const PARTNERS: Readonly<Record<string, string>> = { '}': '{', ']': '[', ')': '(' }
/** Full-width punctuation of East Asian keyboards. */
const SIGNS: Readonly<Record<string, string>> = {
  '｛': '{',
  '｝': '}',
  '［': '[',
  '］': ']',
  '【': '[',
  '】': ']',
  '：': ':',
  '，': ',',
  '、': ',',
  '；': ',',
  ';': ',',
}
const START =
  /[{｛]\s*(?:["'`“”„＂「『«‘}｝\n]|[\p{L}_][\p{L}\p{N}_]{0,40}\s{0,20}["”]?\s{0,20}[:：]|$)|[[［【]\s*(?:["'“„＂「『{｛]|[\]］]|[[［]\s*["'“{]|\n|$)/gu
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|#(?!\d)[^\n]*/uy
const BARE = /[^\s{}[\]｛｝［］,，:：、；;][^{}[\]｛｝［］,，:：\n]*/uy
const BARE_IN_PARENTHESES = /[^\s{}[\]()｛｝［］,，:：、；;][^{}[\]()｛｝［］,，:：\n]*/uy
