import { createReadStream } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import type { Source } from './entry.ts'
import { readLines } from './lines.ts'
import { JsonListScanner } from './scanner.ts'

/** A JSON value of a file, or why there is none at this place. */
export type Element = { line: number; value: unknown } | { line: number; problem: string }

/** Fields that hold the list of an export that is one object. */
const LISTS = ['results', 'data', 'memories', 'conversations', 'feedback_data', 'items']

const HEAD = 64 * 1024

/** Largest file that may be one JSON object without a list, bytes. */
const MAX_WHOLE = 64 * 1024 * 1024

/**
 * The entries of a JSON file, one at a time: the lines of JSON Lines, the elements of an array, or those of the list
 * within an object (`{"results": […]}`); else the one value that the file is. No file is read as a whole for its list.
 */
export async function* readElements(source: Source): AsyncGenerator<Element> {
  const layout = await layoutOf(source.path)
  if (layout === 'lines') {
    for await (const line of readLines(source)) {
      if ('problem' in line) yield line
      else if (line.text.trim() !== '') yield parse(line.text, line.line)
    }
    return
  }
  const scanner = new JsonListScanner(layout === 'object' ? LISTS : undefined)
  const stream = createReadStream(source.path, { encoding: 'utf8', highWaterMark: 256 * 1024 })
  for await (const chunk of stream) {
    for (const { text, line, tooLong } of scanner.push(chunk as string)) {
      yield tooLong ? { line, problem: 'the entry is too long' } : parse(text, line)
    }
    source.onBytes(stream.bytesRead)
  }
  if (!scanner.foundList) yield await readWhole(source.path)
  else if (!scanner.closed)
    yield { line: scanner.line, problem: 'the file ends within its list: it is cut off' }
}

async function layoutOf(path: string): Promise<'lines' | 'array' | 'object'> {
  if (/\.(?:jsonl|ndjson)$/i.test(path)) return 'lines'
  const head = (await readHead(path)).trimStart()
  if (head.startsWith('[')) return 'array'
  if (!head.startsWith('{')) return 'lines'
  const end = head.indexOf('\n')
  const hasMore = end >= 0 && head.slice(end).trim() !== ''
  return hasMore && isJson(head.slice(0, end)) ? 'lines' : 'object'
}

/** The beginning of a file, without the mark that some programs put first. */
export async function readHead(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0)
    return buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '')
  } finally {
    await file.close()
  }
}

async function readWhole(path: string): Promise<Element> {
  const { size } = await stat(path)
  if (size > MAX_WHOLE) {
    return { line: 1, problem: `expected a list of entries, got one object of ${Math.round(size / 1e6)} MB` }
  }
  return parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''), 1)
}

function parse(text: string, line: number): Element {
  try {
    return { line, value: JSON.parse(text) as unknown }
  } catch (error) {
    // The engine's own line and column are those within the entry.
    const reason = (error as Error).message.replace(/ \(line \d+ column \d+\)$/, '')
    return { line, problem: `expected JSON: ${reason.slice(0, 120)}` }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
