import { LRUCache } from 'lru-cache'

/** Returns the number of o200k tokens of a text (OpenAI models since GPT-4o). */
export type CountTokens = (text: string) => number

/** Limit of the lines whose counts are cached, and the size of an entry without its line. */
const MAX_CACHED_BYTES = 8 * 2 ** 20
const ENTRY_BYTES = 100
/** No token crosses a line break that one of these characters follows, so that lines can be counted one by one. */
const LINES = /(?<=\n)(?=[-<])/

let loading: Promise<CountTokens> | undefined

/**
 * Loads the counter on first use, because its table takes about 0.15 s and 60 MB. Control tokens in a text are counted
 * as plain text.
 */
export function tokenCounter(): Promise<CountTokens> {
  loading ??= import('gpt-tokenizer/encoding/o200k_base').then(({ countTokens }) =>
    countByLine((line) => countTokens(line, { disallowedSpecial: new Set() })),
  )
  return loading
}

/** Contexts consist of the same lines again and again: each memory is one. */
function countByLine(count: CountTokens): CountTokens {
  const counts = new LRUCache<string, number>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: (_, { length }) => ENTRY_BYTES + 2 * length,
  })
  const countLine = (line: string) => {
    const known = counts.get(line)
    if (known !== undefined) return known
    const tokens = count(line)
    counts.set(line, tokens)
    return tokens
  }
  return (text) => text.split(LINES).reduce((sum, line) => sum + countLine(line), 0)
}
