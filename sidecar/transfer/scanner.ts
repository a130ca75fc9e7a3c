import { MAX_LENGTH } from './lines.ts'

interface Found {
  text: string
  line: number
  tooLong: boolean
}

/**
 * Finds the elements of the one list of a JSON text that comes in pieces: of the array that the text is, or of the
 * array under one of `names` in the object that it is. Only brackets and quotes are looked at; whether an element is
 * JSON is for who parses it to say.
 */
export class JsonListScanner {
  readonly #names: ReadonlySet<string> | undefined
  #depth = 0
  #inString = false
  #isEscaped = false
  /** Depth of what stands directly in the list; 0 outside of it. */
  #list = 0
  /** The element that has begun, or the last string outside of the list, which may be a name. */
  #parts: string[] = []
  #length = 0
  #began: number | undefined
  #name = ''
  line = 1
  foundList = false
  closed = false

  constructor(names?: readonly string[]) {
    this.#names = names && new Set(names)
  }

  push(chunk: string): Found[] {
    const found: Found[] = []
    let from = 0
    for (let i = 0; i < chunk.length; i++) {
      const char = chunk.charCodeAt(i)
      if (char === NEWLINE) this.line += 1
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false
        else if (char === BACKSLASH) this.#isEscaped = true
        else if (char === QUOTE) {
          this.#inString = false
          if (this.#list === 0 && this.#depth === 1) this.#name = this.#take(chunk.slice(from, i))
        }
        continue
      }
      const isDirect = this.#list > 0 && this.#depth === this.#list
      if (isDirect && this.#began === undefined && !IGNORED.has(char)) {
        this.#began = this.line
        from = i
      }
      if (char === QUOTE) {
        this.#inString = true
        if (this.#list === 0 && this.#depth === 1) from = i + 1
      } else if (char === OPEN_LIST || char === OPEN_OBJECT) {
        this.#depth += 1
        if (char === OPEN_LIST && this.#opensList()) {
          this.#list = this.#depth
          this.foundList = true
          this.closed = false
        }
      } else if (char === CLOSE_LIST || char === CLOSE_OBJECT || char === COMMA) {
        if (isDirect && this.#began !== undefined) {
          const line = this.#began
          const text = this.#take(chunk.slice(from, i))
          this.#began = undefined
          found.push({ text, line, tooLong: this.#length > MAX_LENGTH })
        }
        if (char === COMMA) continue
        if (isDirect) {
          this.#list = 0
          this.closed = true
        }
        this.#depth -= 1
      }
    }
    const isNameOpen = this.#inString && this.#list === 0 && this.#depth === 1
    if (this.#began !== undefined || isNameOpen) this.#keep(chunk.slice(from))
    return found
  }

  #opensList(): boolean {
    if (this.#list > 0) return false
    if (!this.#names) return this.#depth === 1
    return this.#depth === 2 && this.#names.has(this.#name)
  }

  #keep(part: string): void {
    if (this.#parts.length === 0) this.#length = 0
    this.#length += part.length
    // An empty part holds the place of what is too long to keep.
    this.#parts.push(this.#length > MAX_LENGTH ? '' : part)
  }

  #take(part: string): string {
    this.#keep(part)
    const text = this.#length > MAX_LENGTH ? '' : this.#parts.join('')
    this.#parts = []
    return text
  }
}

const [NEWLINE, QUOTE, BACKSLASH, COMMA] = [0x0a, 0x22, 0x5c, 0x2c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
/** White space, and what separates and closes. */
const IGNORED: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, COMMA, CLOSE_LIST])
