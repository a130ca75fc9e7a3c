import { LRUCache } from 'lru-cache'
import type { CountTokens } from '../../text/token-counter.ts'

interface Known {
  text: string
  tokens: number
  /** Id of the exposure row. */
  id: string
}

/** Total length of the kept blocks, UTF-16 code units. */
const MAX_CHARACTERS = 16 * 1024 * 1024
const MAX_BLOCKS = 20_000

/** The latest block of each conversation in this process, to find the prefix that its next prompt shares with it. */
export class PreviousBlocks {
  readonly #known = new LRUCache<string, Known>({
    maxSize: MAX_CHARACTERS,
    // With a fixed share of each block, the size bounds their number too.
    sizeCalculation: ({ text }) => text.length + Math.ceil(MAX_CHARACTERS / MAX_BLOCKS),
  })

  /**
   * Returns the o200k tokens of a block and of its shared prefix (`undefined` for the first one), or `undefined` if the
   * previous call had the same id: a repeated turn.
   * @param tokens of the block, if the caller knows them
   */
  next(
    conversation: string,
    { text, id, tokens }: { text: string; id: string; tokens: number | undefined },
    count: CountTokens,
  ): { block: number; shared: number | undefined } | undefined {
    const previous = this.#known.get(conversation)
    if (previous?.id === id) return undefined
    const isUnchanged = previous?.text === text
    const block = isUnchanged ? previous.tokens : (tokens ?? count(text))
    this.#known.set(conversation, { text, tokens: block, id })
    if (!previous) return { block, shared: undefined }
    return { block, shared: isUnchanged ? block : Math.min(block, count(commonPrefix(text, previous.text))) }
  }

  /** @param prefix of the conversations of a user */
  forget(prefix: string): void {
    for (const conversation of this.#known.keys()) {
      if (conversation.startsWith(prefix)) this.#known.delete(conversation)
    }
  }
}

function commonPrefix(a: string, b: string): string {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return a.slice(0, i)
}
