export interface BatchBounds {
  /** Texts per request. */
  maxTexts: number
  /** Estimated tokens per request. */
  maxTokens: number
  /** Estimated tokens per text; longer texts are truncated. */
  maxTextTokens: number
}

const BYTES_PER_TOKEN = 3

/**
 * Approximate upper bound: a byte-pair token is about four bytes of English and three of Chinese. Endpoints use other
 * tokenizers, so limits need a margin.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)
}

/** Splits the texts, in order, into requests within the limits. */
export function batchesOf(texts: readonly string[], bounds: BatchBounds): string[][] {
  const batches: string[][] = []
  let batch: string[] = []
  let tokens = 0
  for (const text of texts) {
    const cut = truncate(text, bounds.maxTextTokens)
    const more = estimateTokens(cut)
    if (batch.length > 0 && (batch.length >= bounds.maxTexts || tokens + more > bounds.maxTokens)) {
      batches.push(batch)
      batch = []
      tokens = 0
    }
    batch.push(cut)
    tokens += more
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

/** Truncates a text to an estimated number of tokens, at a character boundary. */
export function truncate(text: string, maxTokens: number): string {
  const bytes = Buffer.from(text)
  const max = maxTokens * BYTES_PER_TOKEN
  if (bytes.length <= max) return text
  let end = max
  // Bytes 10xxxxxx continue a UTF-8 character.
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
