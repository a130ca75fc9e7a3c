import { normalise } from './normalise.ts'
import type { Word } from './segment.ts'

/**
 * The parts of camel and Pascal case words (`HttpRetryPolicy` → `http`, `retry`, `policy`), whose wholes are words; and
 * the wholes of snake case words (`http_retry_policy` → `httpretrypolicy`), whose parts are.
 */
export function identifierWords(text: string): Word[] {
  const found: Word[] = []
  for (const { 0: identifier, index: at } of text.matchAll(IDENTIFIER)) {
    const parts = identifier.split(PART_END).filter((part) => part !== '')
    if (parts.length < 2) continue
    const isSnakeCase = identifier.includes('_')
    if (isSnakeCase) found.push(wordOf(parts.join(''), at))
    // Single letters, as in "iPhone", say nothing.
    const camel = isSnakeCase ? parts.filter((part) => !identifier.split('_').includes(part)) : parts
    for (const part of camel) if (part.length > 1) found.push(wordOf(part, at))
  }
  return found
}

function wordOf(text: string, at: number): Word {
  return { text: normalise(text), kind: 'word', at }
}

/** Before a capital that begins a part. The plural of an acronym ("DVDs") has none. */
const PART_END = /_+|(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll}{2})/u
/** Words of at most 80 characters with such a place or with `_` inside the first 60. */
const IDENTIFIER =
  /(?<![\p{L}\p{N}_])(?=[\p{L}\p{N}_]{0,60}?(?:[\p{Ll}\p{N}]\p{Lu}|\p{Lu}{2}\p{Ll}{2}|[\p{L}\p{N}]_[\p{L}\p{N}]))[\p{L}\p{N}_]{3,80}/gu
