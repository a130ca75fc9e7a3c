import { createReadStream } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import Assembler from 'stream-json/assembler.js'
import { jsonParser, type Token } from 'stream-json/parser.js'
import { InexactNumber, parseJson, readNumber } from '../../../text/exact-json.ts'
import type { Element, Source } from './entry.ts'
import { MAX_LENGTH, readLines, tooLong } from './lines.ts'

/** Fields that hold the list of an export that is one object. */
const LIST_FIELDS = /^(?:results|data|memories|conversations|feedback_data|items)$/

const HEAD_BYTES = 64 * 1024

/** Largest file that may be one JSON object without a list, bytes. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024

/**
 * Yields the entries of a JSON file one at a time: the lines of JSON Lines, the elements of an array, the elements of
 * a list within an object (`{"results": […]}`), or else the file's single value. Lists are streamed.
 */
export async function* readElements(source: Source): AsyncGenerator<Element> {
  if (await isList(source.path)) return yield* readList(source)
  for await (const line of readLines(source)) {
    if ('problem' in line) yield line
    else if (line.text.trim() !== '') yield parse(line.text, line.line)
  }
}

async function* readList(source: Source): AsyncGenerator<Element> {
  const file = createReadStream(source.path, { encoding: 'utf8', highWaterMark: 256 * 1024 })
  const parseJson = jsonParser({ streamValues: false })
  const list = new ListElements()
  let line = 1
  /** Characters since the last complete element, or since the last token outside the list. */
  let pending = 0
  let isFirst = true
  try {
    for await (const chunk of file as AsyncIterable<string>) {
      const text = isFirst ? chunk.replace(/^\uFEFF/, '') : chunk
      isFirst = false
      // The parser reports no positions, so it gets one line at a time.
      for (const piece of text.split(/(?<=\n)/)) {
        const parsed = parseJson(piece)
        const tokens = typeof parsed === 'symbol' ? [] : parsed.values
        const elements = list.take(tokens, line)
        yield* elements
        const isProgress = elements.length > 0 || (tokens.length > 0 && list.startLine === undefined)
        pending = isProgress ? 0 : pending + piece.length
        if (pending > MAX_LENGTH) return yield { line: list.startLine ?? line, problem: tooLong('entry') }
        if (piece.endsWith('\n')) line += 1
      }
      source.onBytes(file.bytesRead)
    }
  } catch (error) {
    if (!(error as Error).message?.startsWith('Parser')) throw error
    const reason = (error as Error).message.replace(/^Parser (?:cannot parse input: )?/, '')
    return yield { line, problem: `expected JSON: ${reason}; the rest of the file is not read` }
  }
  if (!list.isFound) yield await readWhole(source.path)
  else if (list.isOpen) yield { line, problem: 'the file ends within its list: it is cut off' }
}

/** Assembles the elements of the top-level array, or of the first-level arrays under `LIST_FIELDS`. */
class ListElements {
  isFound = false
  isOpen = false
  /** Line on which the current element starts; `undefined` between elements. */
  startLine: number | undefined
  readonly #assembler = new Assembler()
  #depth = 0
  #key = ''

  /** Returns the elements that these tokens complete. */
  take(tokens: readonly Token[], line: number): Element[] {
    const elements: Element[] = []
    for (const token of tokens) {
      const { name } = token
      if (this.isOpen && !(this.startLine === undefined && name === 'endArray')) {
        this.startLine ??= line
        this.#assembler.consume(withExactNumber(token))
        if (!this.#assembler.done) continue
        elements.push({ line: this.startLine, value: this.#assembler.current })
        this.startLine = undefined
      } else if (name === 'startObject') this.#depth += 1
      else if (name === 'startArray') {
        this.isOpen = this.#depth === 0 || (this.#depth === 1 && LIST_FIELDS.test(this.#key))
        this.isFound ||= this.isOpen
        this.#depth += 1
      } else if (name === 'endObject' || name === 'endArray') {
        this.isOpen = false
        this.#depth -= 1
      } else if (name === 'keyValue' && this.#depth === 1) this.#key = String(token.value)
    }
    return elements
  }
}

/** The assembler takes over the value of a string as it is, and rounds that of a number. */
function withExactNumber(token: Token): Token {
  if (token.name !== 'numberValue') return token
  const value = readNumber(token.value)
  return value instanceof InexactNumber ? { name: 'stringValue', value: value as never } : token
}

/** Whether a file is one JSON value rather than JSON Lines. */
async function isList(path: string): Promise<boolean> {
  if (/\.(?:jsonl|ndjson)$/i.test(path)) return false
  const head = (await readHead(path)).trimStart()
  if (!head.startsWith('{')) return head.startsWith('[')
  const end = head.indexOf('\n')
  const hasMore = end >= 0 && head.slice(end).trim() !== ''
  return !(hasMore && 'value' in parse(head.slice(0, end), 1))
}

/** The first bytes of a file, without a byte-order mark. */
export async function readHead(path: string): Promise<string> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
  return buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '')
}

async function readWhole(path: string): Promise<Element> {
  const { size } = await stat(path)
  if (size > MAX_OBJECT_BYTES) {
    return { line: 1, problem: `expected a list of entries, got one object of ${Math.round(size / 1e6)} MB` }
  }
  return parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''), 1)
}

function parse(text: string, line: number): Element {
  try {
    return { line, value: parseJson(text).value }
  } catch (error) {
    // The engine's own line and column are those within the entry.
    const reason = (error as Error).message.replace(/ \(line \d+ column \d+\)$/, '')
    return { line, problem: `expected JSON: ${reason.slice(0, 120)}` }
  }
}
