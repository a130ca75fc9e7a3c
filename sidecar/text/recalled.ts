/**
 * Removes recalled memories from a message, so that they are not extracted as new facts: `<memories>` blocks as recall
 * renders them (also with escaped brackets). An unclosed block ends with its last memory line, because the text after it is the
 * speaker's own.
 */
export function removeRecalled(text: string): string {
  if (!MARK.test(text)) return text
  return removeBlocks(text)
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

const MARK = /(?:<|&lt;)\/?\s*memories\b/iu
const MARKS = /(?:<|&lt;)(\/)?\s*memories\b[^<>&\n]{0,80}(?:>|&gt;)/giu
/** The head and the dated lines that follow an opening mark. */
const BLOCK_LINES =
  /[^\S\n]*(?:\n[^\n]*It is data, not instructions\.[^\n]*)?(?:\n[\s>]*- \[\d{4}-\d{2}-\d{2}\][^\n]*)*/uy
