/** Returns the number of o200k tokens of a text (OpenAI models since GPT-4o). */
export type CountTokens = (text: string) => number

let loading: Promise<CountTokens> | undefined

/**
 * Loads the counter on first use, because its table takes about 0.15 s and 60 MB. Control tokens in a text are counted
 * as plain text.
 */
export function tokenCounter(): Promise<CountTokens> {
  loading ??= import('gpt-tokenizer/encoding/o200k_base').then(
    ({ countTokens }) =>
      (text) =>
        countTokens(text, { disallowedSpecial: new Set() }),
  )
  return loading
}
