import type { Count } from './counts.ts'

/**
 * Removes from an answer what the model or the workflow left in it and no reader was meant to see: thoughts, tool calls,
 * control tokens, and references that Dify did not resolve. Code is left alone, because it may quote them. Linear.
 */
export function removeMachinery(text: string, count: Count): string {
  return removeReferences(removeThoughts(text, count), count)
}

/** Removes references from a message that consists of nothing else, which is a node that is wired to nothing. */
export function removeLoneReferences(text: string, count: Count): string {
  return text.includes('{{#') && text.replace(REFERENCE, '').trim() === ''
    ? removeReferences(text, count)
    : text
}

/** A variable of Dify, such as `{{#llm.text#}}`. */
const REFERENCE = /\{\{#[\p{L}\p{N}_.:\- ]{1,200}#\}\}/gu

function removeReferences(text: string, count: Count): string {
  if (!text.includes('{{#')) return text
  const code = codeRanges(text)
  return text.replace(REFERENCE, (reference, at: number) => {
    if (code.has(at, at + reference.length)) return reference
    count('references')
    return ''
  })
}

interface Mark {
  /** A thought closes with a mark of the same name. */
  name: string
  kind: 'open' | 'close' | 'token'
  at: number
  end: number
}

function removeThoughts(text: string, count: Count): string {
  if (!MARK_START.test(text)) return text
  const marks = findMarks(text)
  const lastClose = new Map(
    marks.flatMap(({ name, kind }, i) => (kind === 'close' ? [[name, i] as const] : [])),
  )
  const code = codeRanges(text)
  const start = text.search(/\S/)
  let kept: string[] = []
  let from = 0
  let open: string | undefined
  for (const [i, { name, kind, at, end }] of marks.entries()) {
    // A thought may leave a code fence open, so within it code is not looked at.
    if (open !== undefined) {
      if (kind !== 'close' || name !== open) continue
      open = undefined
      from = end
      code.restart(end)
      continue
    }
    if (code.has(at, end)) continue
    if (kind === 'token') {
      kept.push(text.slice(from, at))
      from = end
    } else if (kind === 'close') {
      if (!CLOSES_PROMPT.test(name)) continue
      // The opening tag was in the prompt, so the answer starts with the thought.
      kept = []
      from = end
      code.restart(end)
    } else if ((lastClose.get(name) ?? -1) > i) {
      if (WEAK.test(name) && at > start) continue
      kept.push(text.slice(from, at))
      open = name
    } else if (!WEAK.test(name) && isLineStart(text, at)) {
      // The answer was cut off within a thought.
      kept.push(text.slice(from, at))
      from = text.length
      count('thinking')
      break
    } else continue
    count('thinking')
  }
  if (kept.length === 0 && from === 0) return text
  kept.push(text.slice(from))
  return kept
    .map(trimEdges)
    .filter((part) => part !== '')
    .join('\n')
}

const MARK_START = /<|\[\/?think|◁/i
const DETAILS = 'details'
/** Names whose closing tag may stand without an opening one. */
const CLOSES_PROMPT = /think|thought|reason|◁/i
/** Names of tags that hold thoughts wherever they stand. */
const STRONG =
  '(?:[\\w.]{1,30}:)?[\\w.-]{0,40}(?:think|thought|reason|reflect|scratchpad|monologue|ponder|deliberat|introspect|ruminat|contemplat)[\\w.-]{0,40}|(?:\\w{1,30}:)?(?:tool_calls?|function_calls?)|seed:[\\w.-]{1,60}'
/** Names of tags that hold thoughts only where they open the answer. */
const WEAK_NAMES =
  'analysis|brainstorm(?:ing)?|plan|planning|inner[\\w-]{0,30}|internal[\\w-]{0,30}|hidden[\\w-]{0,30}|private[\\w-]{0,30}|self[\\w-]{0,30}|draft|cot|chain_of_\\w{1,20}|mind|musings?|wonder\\w{0,20}|consider\\w{0,20}|notes?_to_self|思考|推理|思维链'
const WEAK = new RegExp(`^(?:${WEAK_NAMES})$`, 'iu')
const SUMMARY =
  'think|thought|reason|reflect|思考|思维|推理|考え|생각|추론|denk|überleg|gedank|pens|razon|réflexion|réfléch|raisonn|racioc|размыш|рассужд|дума|ragion|riflession'
const MARKS = new RegExp(
  [
    `<(?<close>/)?(?<tag>${STRONG}|${WEAK_NAMES})(?:\\s[^<>]{0,300})?>`,
    // Dify and Open WebUI show thoughts in a box with a title.
    `(?<box><details(?:\\s[^<>]{0,500})?>\\s{0,20}<summary(?:\\s[^<>]{0,300})?>[^<>]{0,200}?(?:${SUMMARY})[^<>]{0,200}</summary>|<details\\s[^<>]{0,300}type="?reasoning[^<>]{0,300}>)`,
    '(?<boxEnd></details>)',
    '\\[/?THINK\\]',
    '◁/?think▷',
    '<\\|(?<edge>begin|end)_of_thought\\|>',
    // The hidden channels of gpt-oss end where the next message starts.
    '(?<channel>(?:<\\|start\\|>assistant)?<\\|channel\\|>(?:analysis|commentary)[^<>]{0,100}<\\|message\\|>)',
    '(?<channelEnd><\\|(?:end|call)\\|>)',
    '(?<token>(?:<\\|start\\|>assistant)?<\\|channel\\|>final[^<>]{0,50}<\\|message\\|>|<\\|(?:begin_of_solution|end_of_solution|return|im_end|eot_id|endoftext)\\|>)',
  ].join('|'),
  'giu',
)

function findMarks(text: string): Mark[] {
  return Array.from(text.matchAll(MARKS), (match): Mark => {
    const { groups = {}, index: at } = match
    const end = at + match[0].length
    const { close, tag, box, boxEnd, edge, channel, channelEnd, token } = groups
    const mark = (name: string, isClose: boolean): Mark => ({
      name,
      kind: isClose ? 'close' : 'open',
      at,
      end,
    })
    if (tag !== undefined) return mark(tag.toLowerCase(), close !== undefined)
    if (box ?? boxEnd) return mark(DETAILS, boxEnd !== undefined)
    if (edge !== undefined) return mark('|thought|', edge.toLowerCase() === 'end')
    if (channel ?? channelEnd) return mark('|channel|', channelEnd !== undefined)
    if (token !== undefined) return { name: '', kind: 'token', at, end }
    return mark(match[0].startsWith('◁') ? '◁' : '[think]', match[0].charAt(1) === '/')
  })
}

/** Tells code from text. Ranges must be asked for in ascending order. */
function codeRanges(text: string) {
  const fences = Array.from(text.matchAll(/^[ \t]{0,3}(?:```|~~~)/gmu), ({ index }) => index)
  let first = 0
  let passed = 0
  const passTo = (at: number) => {
    while (passed < fences.length && (fences[passed] as number) < at) passed += 1
  }
  return {
    /** Whether a range lies in a code fence, or directly between back quotes. */
    has(at: number, end: number): boolean {
      passTo(at)
      return (passed - first) % 2 === 1 || (text[at - 1] === '`' && text[end] === '`')
    },
    /** Forgets fences before a position. */
    restart(at: number): void {
      passTo(at)
      first = passed
    },
  }
}

function isLineStart(text: string, at: number): boolean {
  let i = at - 1
  while (i >= 0 && at - i < 100 && (text[i] === ' ' || text[i] === '\t' || text[i] === '>')) i -= 1
  return i < 0 || text[i] === '\n' || text[i] === '\r'
}

/** Removes the blank lines at the edges, but not the indentation of the first line. */
function trimEdges(part: string): string {
  const body = part.trimStart()
  const lead = part.slice(0, part.length - body.length)
  return lead.includes('\n') ? (lead.slice(lead.lastIndexOf('\n') + 1) + body).trimEnd() : body.trimEnd()
}
