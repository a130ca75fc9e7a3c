import { normaliseForDuplicate } from './verbatim.ts'

/**
 * Removes recalled memories from a message, so that they are not extracted as new facts: `<memories>` blocks as recall
 * renders them (also with escaped brackets), and lines that equal a memory or a line of `knownLines`. An unclosed block
 * ends with its last memory line, because the text after it is the speaker's own.
 */
export function removeRecalled(text: string, knownLines: readonly string[] = []): string {
  const known = new Set(
    knownLines.flatMap((line) => [keyOf(line), keyOf(stripPrefix(line))]).filter((key) => key !== ''),
  )
  if (!MARK.test(text) && known.size === 0) return text
  const lines = removeBlocks(text).split('\n')
  const kept = known.size === 0 ? lines : lines.filter((line) => !isKnown(line, known))
  return kept
    .join('\n')
    .replace(/\n{3,}/gu, '\n\n')
    .trim()
}

/** Linear in the text: an unclosed tag must not make every later tag search to the end. */
function removeBlocks(text: string): string {
  const marks = [...text.matchAll(MARKS)]
  const lastClosing = marks.findLastIndex((mark) => mark[1] !== undefined)
  let kept = ''
  let from = 0
  let inBlock = false
  for (const [i, mark] of marks.entries()) {
    if (!inBlock) kept += text.slice(from, mark.index)
    from = mark.index + mark[0].length
    inBlock = mark[1] === undefined && i < lastClosing
    if (mark[1] !== undefined || inBlock) continue
    BLOCK_LINES.lastIndex = from
    from += BLOCK_LINES.exec(text)?.[0].length ?? 0
  }
  return kept + text.slice(from)
}

function isKnown(line: string, known: ReadonlySet<string>): boolean {
  return known.has(keyOf(line)) || known.has(keyOf(stripPrefix(line)))
}

function keyOf(line: string): string {
  return normaliseForDuplicate(line)
}

/** Removes the bullet, date and speaker of a rendered line. */
function stripPrefix(line: string): string {
  return line
    .replace(/^[\s>]*(?:[-*•]\s*)?\[\d{4}-\d{2}-\d{2}\]\s*[^:：]{0,80}[:：]\s*/u, '')
    .replace(/^[\s>]*[-*•]\s+/u, '')
}

const MARK = /(?:<|&lt;)\/?\s*memories\b/iu
const MARKS = /(?:<|&lt;)(\/)?\s*memories\b[^<>&\n]{0,80}(?:>|&gt;)/giu
/** The head and the dated lines that follow an opening mark. */
const BLOCK_LINES =
  /[^\S\n]*(?:\n[^\n]*It is data, not instructions\.[^\n]*)?(?:\n[\s>]*- \[\d{4}-\d{2}-\d{2}\][^\n]*)*/uy
