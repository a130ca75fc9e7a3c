import { sentenceSpans } from '../sentences.ts'

/**
 * Splits a text into pieces of at most `limit` UTF-16 code units, each as it was written: at paragraphs, else lines, else
 * sentences, else spaces. A code line or table row that fits a piece is never cut, and a question that is marked as one
 * (`Q:`) stays with its answer. Linear in the text.
 */
export function splitPieces(text: string, limit: number): string[] {
  const pieces: string[] = []
  let rest = text.trimEnd()
  let inCode = false
  while (rest.length > limit) {
    const at = cutAt(rest.slice(0, limit), rest.slice(limit, limit + 20), inCode)
    const piece = rest.slice(0, at)
    if ((piece.match(FENCE)?.length ?? 0) % 2 === 1) inCode = !inCode
    pieces.push(trimPiece(piece))
    rest = piece.endsWith('\n') ? rest.slice(at) : rest.slice(at).replace(/^[^\S\n]+/u, '')
  }
  return [...pieces, trimPiece(rest)].filter((piece) => piece !== '')
}

/** Without blank lines around it. The first line keeps its indentation unless it is the only one. */
export function trimPiece(text: string): string {
  const trimmed = text.trimEnd()
  const start = trimmed.search(/\S/)
  if (start < 0) return ''
  const line = trimmed.lastIndexOf('\n', start) + 1
  return trimmed.includes('\n', start) ? trimmed.slice(line) : trimmed.slice(start)
}

const FENCE = /^[ \t]{0,3}(?:```|~~~)/gmu
const STRUCTURED = /^(?:\s*\||\t| {4})/u
const BLANK = /^[^\S\n]*(?:\n|$)/u
/** The start of an answer in a list of questions and answers. */
const ANSWER =
  /^\s*(?:\*\*)?(?:A|R|Answer|Antwort|Respuesta|Réponse|答|回答|답|답변|О|Ответ)(?:\*\*)?\s?[:：]/iu

/** Where to cut the first piece off; `next` follows the window. */
function cutAt(window: string, next: string, startsInCode: boolean): number {
  const limit = window.length
  let inCode = startsInCode
  let paragraph = 0
  let line = 0
  for (let end = window.indexOf('\n') + 1, start = 0; end > 0; end = window.indexOf('\n', start) + 1) {
    const text = window.slice(start, end)
    if (text.match(FENCE)) inCode = !inCode
    const following = window.slice(end, end + 20) + (end + 20 > limit ? next : '')
    if (!ANSWER.test(following)) {
      line = end
      if (!inCode && (BLANK.test(following) || BLANK.test(text))) paragraph = end
    }
    start = end
  }
  if (paragraph >= limit / 2) return paragraph
  if (line >= limit / 2) return line
  const lastLine = window.slice(window.lastIndexOf('\n') + 1)
  if (line > 0 && (inCode || STRUCTURED.test(lastLine))) return line
  const sentence =
    sentenceSpans(window + next).findLast(
      ({ to }, i, spans) => to <= limit && !ANSWER.test(spans[i + 1]?.sentence ?? ''),
    )?.to ?? 0
  if (sentence > limit / 4) return sentence
  const space = window.lastIndexOf(' ') + 1
  if (space > limit / 2) return space
  // Do not split a surrogate pair.
  return /[\ud800-\udbff]/.test(window.charAt(limit - 1)) ? limit - 1 : limit
}
