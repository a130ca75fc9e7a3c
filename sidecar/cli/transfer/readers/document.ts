import { splitPieces } from '../../../text/verbatim/pieces.ts'
import { type Entry, optional, type Source } from '../input/entry.ts'
import { readLines } from '../input/lines.ts'

/** Most characters of a piece: about a paragraph, so that a piece covers one subject. */
const MAX_PIECE = 1000

/** A Markdown heading, `# …` to `###### …`. */
const HEADING = /^#{1,6}\s+(.+?)\s*#*$/

/**
 * Reads a text or Markdown file, split at headings, then between paragraphs, then between sentences. The first piece
 * after a heading starts with the heading; every piece has it as `section` in its metadata.
 */
export async function* readDocument(source: Source): AsyncGenerator<Entry> {
  let count = 0
  let piece = ''
  let pieceLine = 1
  let paragraph: string[] = []
  let paragraphLine = 1
  let paragraphLength = 0
  let section: string | undefined

  function* endPiece(): Generator<Entry> {
    const text = piece
    piece = ''
    if (text === '') return
    const parts = splitPieces(text, MAX_PIECE)
    for (const memory of parts) {
      count += 1
      const metadata = { document: source.name, piece: count, ...optional('section', section) }
      const body = { memory, role: 'system', name: source.name.slice(0, 256), at: source.date, metadata }
      yield { kind: 'memory', line: pieceLine, userId: null, body }
    }
  }
  function* endParagraph(): Generator<Entry> {
    const text = paragraph.join('\n').trim()
    paragraph = []
    paragraphLength = 0
    if (text === '') return
    if (piece !== '' && piece.length + text.length + 2 > MAX_PIECE) yield* endPiece()
    if (piece === '') pieceLine = paragraphLine
    piece += (piece === '' ? '' : '\n\n') + text
  }

  for await (const read of readLines(source)) {
    if ('problem' in read) {
      yield { kind: 'problem', line: read.line, reason: read.problem }
      continue
    }
    const heading = HEADING.exec(read.text)?.[1]
    const isBlank = read.text.trim() === ''
    if (isBlank || heading !== undefined || paragraphLength > 4 * MAX_PIECE) yield* endParagraph()
    if (heading !== undefined) {
      yield* endPiece()
      section = heading.slice(0, 256)
      pieceLine = read.line
      piece = heading
    } else if (!isBlank) {
      if (paragraph.length === 0) paragraphLine = read.line
      paragraph.push(read.text)
      paragraphLength += read.text.length
    }
  }
  yield* endParagraph()
  yield* endPiece()
}
