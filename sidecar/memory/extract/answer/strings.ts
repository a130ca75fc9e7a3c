/** A quoted string as a weak model writes it. */
export interface QuotedString {
  value: string
  /** Offset behind the closing quote. */
  end: number
  closed: boolean
  /** It holds half an escape, or a key of the object around it: the text is damaged, not only misspelt. */
  damaged: boolean
}

/** Where a string stands decides what may follow it. */
export type Place = 'key' | 'value' | 'item'

/** Quotes that open a string, with those that close it. */
const CLOSERS: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '`': '`',
  '“': '”"“',
  '”': '”"“',
  '„': '“”"',
  '‘': "’'‘",
  '＂': '＂"',
  '「': '」',
  '『': '』',
  '«': '»',
}

export function opensString(character: string): boolean {
  return Object.hasOwn(CLOSERS, character)
}

/**
 * Reads the string that opens at `start`. A quote closes it only where JSON goes on after it, so that unescaped
 * quotes inside stay part of the text; on valid JSON this is exact, also on any beginning of it. A string whose
 * closing quote was forgotten ends with its line if the next line starts a key or closes a bracket.
 */
export function readString(text: string, start: number, place: Place): QuotedString {
  const opener = text.charAt(start)
  const triple = text.startsWith(opener.repeat(3), start) && (opener === '"' || opener === "'")
  if (triple) return readTriple(text, start, opener.repeat(3))
  const closers = CLOSERS[opener] ?? opener
  let value = ''
  let damaged = false
  let at = start + 1
  while (at < text.length) {
    const character = text.charAt(at)
    if (character === '\\') {
      const escaped = readEscape(text, at)
      value += escaped.value
      damaged ||= escaped.damaged
      at = escaped.end
    } else if (closers.includes(character) && matchAt(JOIN, text, at + 1)) {
      at = JOIN.lastIndex
    } else if (closers.includes(character) && follows(text, at + 1, place)) {
      return { value, end: at + 1, closed: true, damaged }
    } else if (closers.includes(character) && matchAt(LIKE_KEY, text, at + 1)) {
      // The quote that should have ended this text is missing: what follows is not part of it.
      damaged = true
      value += character
      at++
    } else if (character === '\n' && place !== 'key' && at > start + 1 && matchAt(NEXT_LINE, text, at)) {
      return { value: value.trimEnd().replace(/[,，]$/u, ''), end: at, closed: true, damaged }
    } else {
      value += character
      at++
    }
  }
  return { value, end: at, closed: false, damaged }
}

function readTriple(text: string, start: number, fence: string): QuotedString {
  const end = text.indexOf(fence, start + 3)
  const closed = end !== -1
  return {
    value: text.slice(start + 3, closed ? end : undefined).trim(),
    end: closed ? end + 3 : text.length,
    closed,
    damaged: false,
  }
}

const SIMPLE: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '', f: '' }

/** JSON's escapes; those of other languages; a lone backslash stands for itself (`C:\users`). */
function readEscape(text: string, at: number): { value: string; end: number; damaged: boolean } {
  const next = text.charAt(at + 1)
  const simple = SIMPLE[next]
  if (simple !== undefined) return { value: simple, end: at + 2, damaged: false }
  const code = matchAt(CODE, text, at)
  if (code) {
    const number = Number.parseInt((code[1] ?? code[2] ?? code[3]) as string, 16)
    // Half an emoji is dropped with its escape; the words around it stand.
    const value = number > 0x10ffff ? '' : String.fromCodePoint(number)
    return { value, end: at + code[0].length, damaged: false }
  }
  const broken = matchAt(BROKEN_CODE, text, at)
  if (broken) return { value: '\ufffd', end: at + broken[0].length, damaged: true }
  if (/["'`\\/“”‘’\n$&#@*_[\](){}]/u.test(next)) return { value: next, end: at + 2, damaged: false }
  return { value: '\\', end: at + 1, damaged: false }
}

function follows(text: string, at: number, place: Place): boolean {
  return (
    matchAt(place === 'key' ? AFTER_KEY : place === 'value' ? AFTER_VALUE : AFTER_ITEM, text, at) !== null
  )
}

/** Matches at an offset without copying the rest of the text; `pattern` must be sticky. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** `"one " + "text"` */
const JOIN = /\s{0,200}\+\s{0,200}["'`]/uy
const CODE = /\\(?:u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|x([0-9a-f]{2}))/iuy
const BROKEN_CODE = /\\u[0-9a-f]{1,3}(?![0-9a-f])/iuy
const QUOTE = '["\'`“”„＂「『«‘]'
const KEY = `(?:${QUOTE}[^"'\`“”\\n]{1,40}["'\`“”＂」』»’]|[\\p{L}_][\\p{L}\\p{N}_]{0,40})\\s{0,40}[:：]`
/** A comment, or the end of the fence around it all. */
const COMMENT = '(?://|/\\*|#|```)'
const LIKE_KEY = /\s{0,40}[:：]\s{0,40}(?:["“[{\d]|null|None)/uy
const AFTER_KEY = /\s{0,200}(?:[:：=]|$)/uy
/** In an object a comma is followed by a key; a missing comma shows by the key as well. */
const AFTER_VALUE = new RegExp(
  `\\s{0,200}(?:[}\\]｝］)]|$|${COMMENT}|\\s${KEY}|[,，、;；]+\\s{0,200}(?:[}\\]｝］)]|$|${COMMENT}|\\.{3}|…|${KEY}))`,
  'uy',
)
const AFTER_ITEM = new RegExp(
  `\\s{0,200}(?:[}\\]｝］)]|$|${COMMENT}|[,，、;；]+\\s{0,200}(?:[}\\]｝］)({[｛［]|$|${COMMENT}|\\.{3}|…|${QUOTE}|[-\\d]|true|false|null|None)|\\n\\s{0,200}${QUOTE})`,
  'uy',
)
const NEXT_LINE = new RegExp(`\\n\\s{0,200}(?:${QUOTE}[^"'\`“”\\n]{1,40}["'\`“”]\\s{0,40}[:：]|[}\\]])`, 'uy')
