/** Counts the tokens of a text as the o200k encoding has them (OpenAI's models since GPT-4o). */
export type CountTokens = (text: string) => number

let loading: Promise<CountTokens> | undefined

/**
 * The counter, loaded on first use: its table takes about 0.15 s and 60 MB, which a start should not wait for.
 * Text that looks like one of the model's control tokens is counted as the plain text that it is here.
 */
export function tokenCounter(): Promise<CountTokens> {
  loading ??= import('gpt-tokenizer/encoding/o200k_base').then(
    ({ countTokens }) =>
      (text) =>
        countTokens(text, { disallowedSpecial: new Set() }),
  )
  return loading
}
