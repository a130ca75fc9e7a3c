import { packSentences, splitSentences } from '../../text/sentences.ts'
import { type Entry, optional, type Source } from '../entry.ts'
import { readLines } from '../lines.ts'

/** Most characters of a piece: about a paragraph, so that one piece is about one thing. */
const MAX_PIECE = 1000

/** A heading of Markdown, `# …` to `###### …`. */
const HEADING = /^#{1,6}\s+(.+?)\s*#*$/

/**
 * A text or Markdown file, cut at headings and between paragraphs, and within them at the end of sentences where they
 * are longer. The first piece after a heading begins with it; all pieces have it as `section` in their metadata.
 */
export async function* readDocument(source: Source): AsyncGenerator<Entry> {
  let nth = 0
  let piece = ''
  let paragraph: string[] = []
  let began = 1
  let section: string | undefined

  function* cut(): Generator<Entry> {
    const text = piece
    piece = ''
    if (text !== '') yield* toEntries(text)
  }
  function* toEntries(text: string): Generator<Entry> {
    const parts = text.length <= MAX_PIECE ? [text] : packSentences(splitSentences(text), MAX_PIECE)
    for (const memory of parts) {
      nth += 1
      const metadata = { document: source.name, piece: nth, ...optional('section', section) }
      // The document is who says it; a piece is not an order to anybody.
      const body = { memory, role: 'system', name: source.name.slice(0, 256), at: source.date, metadata }
      yield { kind: 'memory', line: began, userId: null, body }
    }
  }
  function* endParagraph(line: number): Generator<Entry> {
    const text = paragraph.join('\n').trim()
    paragraph = []
    if (text === '') return
    if (piece !== '' && piece.length + text.length + 2 > MAX_PIECE) yield* cut()
    if (piece === '') began = line
    piece += (piece === '' ? '' : '\n\n') + text
  }

  let paragraphLine = 1
  let length = 0
  for await (const read of readLines(source)) {
    if ('problem' in read) {
      yield { kind: 'problem', line: read.line, reason: read.problem }
      continue
    }
    const heading = HEADING.exec(read.text)?.[1]
    const isBlank = read.text.trim() === ''
    if (isBlank || heading !== undefined || length > 4 * MAX_PIECE) {
      yield* endParagraph(paragraphLine)
      length = 0
    }
    if (heading !== undefined) {
      yield* cut()
      section = heading.slice(0, 256)
      began = read.line
      piece = heading
      continue
    }
    if (isBlank) continue
    if (paragraph.length === 0) paragraphLine = read.line
    paragraph.push(read.text)
    length += read.text.length
  }
  yield* endParagraph(paragraphLine)
  yield* cut()
}
