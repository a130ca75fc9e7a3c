/*
 * The scores of the Mem0 paper (Chhikara et al. 2025, section 3.2), as its published harness computes them: F1 over the
 * sets of tokens, BLEU-1 over the lists. Case and punctuation do not count. A character of Chinese, Japanese or Korean is
 * a token, since these are not separated by spaces.
 */

const TOKEN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]|[\p{L}\p{N}\p{M}]+?(?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]|[^\p{L}\p{N}\p{M}]|$)/gu

export function tokensOf(text: string): string[] {
  return text.normalize('NFKC').toLowerCase().match(TOKEN) ?? []
}

/** Harmonic mean of the shares of distinct tokens that both have. */
export function f1(prediction: string, answer: string): number {
  const predicted = new Set(tokensOf(prediction))
  const expected = new Set(tokensOf(answer))
  const common = predicted.intersection(expected).size
  return common === 0 ? 0 : (2 * common) / (predicted.size + expected.size)
}

/** Share of the predicted tokens that the answer has, each as often as there, times the penalty for brevity. */
export function bleu1(prediction: string, answer: string): number {
  const predicted = tokensOf(prediction)
  const expected = tokensOf(answer)
  const left = new Map<string, number>()
  for (const token of expected) left.set(token, (left.get(token) ?? 0) + 1)
  let matched = 0
  for (const token of predicted) {
    const count = left.get(token) ?? 0
    if (count > 0) matched += 1
    left.set(token, count - 1)
  }
  if (matched === 0) return 0
  const brevity = Math.min(1, Math.exp(1 - expected.length / predicted.length))
  return (brevity * matched) / predicted.length
}
