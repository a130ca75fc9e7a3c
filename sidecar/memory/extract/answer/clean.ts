/**
 * The part of an answer that is meant as the answer: without thoughts, chat marks and markup around it. `undefined`
 * when the model was still thinking when it was cut.
 */
export function withoutThoughts(text: string): string | undefined {
  // Only in front: within a text it is a character like others.
  let rest = text.replace(/^[\s\ufeff]+/u, '').replace(/\r\n?/gu, '\n')
  const final = [...rest.matchAll(FINAL_CHANNEL)].at(-1)
  if (final) rest = rest.slice(final.index + final[0].length)
  else if (rest.includes('<|channel|>analysis')) return undefined
  rest = withoutBlocks(rest)
  // A chat template may have opened the thought itself.
  const closing = [...rest.matchAll(CLOSE_THOUGHT)].at(-1)
  if (closing) rest = rest.slice(closing.index + closing[0].length)
  const opening = OPEN_THOUGHT.exec(rest)
  // An answer may come first and a thought about it be cut.
  if (opening) rest = rest.slice(0, opening.index)
  if (opening && rest.trim() === '') return undefined
  rest = rest.replace(CHAT_MARKS, ' ')
  return /[{[,:]\s*&(?:quot|#34|#x22);/iu.test(rest) ? decodeEntities(rest) : rest
}

/** `&quot;` and its like → characters. */
export function decodeEntities(text: string): string {
  return text.replace(
    /&(?:(quot|apos|amp|lt|gt|nbsp)|#(\d{1,7})|#x([0-9a-f]{1,6}));/giu,
    (all, name, decimal, hex) => {
      if (name) return ENTITIES[name.toLowerCase()] ?? all
      const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
      return code <= 0x10ffff ? String.fromCodePoint(code) : all
    },
  )
}

/** Closed blocks of thought. Walks from mark to mark: linear, however many openings have no closing. */
function withoutBlocks(text: string): string {
  let kept = ''
  let from = 0
  for (const opening of text.matchAll(OPEN_THOUGHTS)) {
    if (opening.index < from) continue
    CLOSE_THOUGHT.lastIndex = opening.index
    const closing = CLOSE_THOUGHT.exec(text)
    CLOSE_THOUGHT.lastIndex = 0
    if (!closing) break
    kept += text.slice(from, opening.index)
    from = closing.index + closing[0].length
  }
  return kept + text.slice(from)
}

const ENTITIES: Readonly<Record<string, string>> = {
  quot: '"',
  apos: "'",
  amp: '&',
  lt: '<',
  gt: '>',
  nbsp: ' ',
}
const FINAL_CHANNEL = /<\|channel\|>\s*final[^{[\n]{0,40}<\|message\|>/gu
const OPEN_THOUGHT =
  /<(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad)>|◁think▷|\[THINK\]/iu
const OPEN_THOUGHTS = new RegExp(OPEN_THOUGHT.source, 'giu')
const CLOSE_THOUGHT =
  /<\/(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad)>|◁\/think▷|\[\/THINK\]/giu
/** Control tokens that leak when a server does not know the model's template. */
const CHAT_MARKS =
  /<\|[\w-]{1,30}\|>|<\/?s>|\[\/?(?:INST|TOOL_CALLS|AVAILABLE_TOOLS)\]|<(?:start|end)_of_turn>/gu
