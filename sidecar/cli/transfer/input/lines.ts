import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import split from 'split2'
import type { Source } from './entry.ts'

/** Longest line, and longest entry of a JSON list, in characters. Reading stops at a longer one. */
export const MAX_LENGTH = 16 * 1024 * 1024

export type Line = { line: number; text: string } | { line: number; problem: string }

/** Yields the lines of a file without their line breaks. Holds one line in memory at a time. */
export async function* readLines(source: Source): AsyncGenerator<Line> {
  const file = createReadStream(source.path, { highWaterMark: 256 * 1024 })
  const lines = pipeline(file, split({ maxLength: MAX_LENGTH }), () => {})
  let line = 0
  try {
    for await (const text of lines as AsyncIterable<string>) {
      line += 1
      yield { line, text: line === 1 ? text.replace(/^\uFEFF/, '') : text }
      source.onBytes(file.bytesRead)
    }
  } catch (error) {
    if ((error as Error).message !== 'maximum buffer reached') throw error
    yield { line: line + 1, problem: tooLong('line') }
  }
}

export function tooLong(what: string): string {
  return `the ${what} is longer than ${MAX_LENGTH / 1024 / 1024} million characters; the rest of the file is not read`
}
