import { createReadStream } from 'node:fs'
import type { Source } from './entry.ts'

/** Longest line or entry that is looked at, in characters; the rest of a longer one is passed over. */
export const MAX_LENGTH = 16 * 1024 * 1024

export type Line = { line: number; text: string } | { line: number; problem: string }

/** The lines of a file without their ends, however long the file is. */
export async function* readLines(source: Source): AsyncGenerator<Line> {
  const stream = createReadStream(source.path, { encoding: 'utf8', highWaterMark: 256 * 1024 })
  let line = 1
  let rest: string[] = []
  let length = 0
  const end = (): Line => {
    const text = rest.join('').replace(/\r$/, '')
    const made = length > MAX_LENGTH ? { line, problem: tooLong('line') } : { line, text }
    rest = []
    length = 0
    line += 1
    return made
  }
  const add = (part: string) => {
    length += part.length
    if (length <= MAX_LENGTH) rest.push(part)
    else rest = []
  }
  let isFirst = true
  for await (const read of stream) {
    let chunk = read as string
    if (isFirst) chunk = chunk.replace(/^\uFEFF/, '')
    isFirst = false
    let from = 0
    for (let at = chunk.indexOf('\n'); at >= 0; at = chunk.indexOf('\n', from)) {
      add(chunk.slice(from, at))
      from = at + 1
      yield end()
    }
    if (from < chunk.length) add(chunk.slice(from))
    source.onBytes(stream.bytesRead)
  }
  if (length > 0) yield end()
}

export function tooLong(what: string): string {
  return `the ${what} is longer than ${MAX_LENGTH / 1024 / 1024} million characters`
}
