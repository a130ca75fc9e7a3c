export interface BatchBounds {
  /** Texts of one request. */
  maxTexts: number
  /** Estimated tokens of one request. */
  maxTokens: number
  /** Estimated tokens of one text; what is beyond is cut off. */
  maxTextTokens: number
}

const BYTES_PER_TOKEN = 3

/**
 * Tokens that a text has at most, more or less: a byte-pair token is about four bytes of English and three of
 * Chinese. Endpoints count with a table of their own, so the bounds should leave room.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)
}

/** The texts in order, in requests within the bounds; every text is in exactly one. */
export function batchesOf(texts: readonly string[], bounds: BatchBounds): string[][] {
  const batches: string[][] = []
  let batch: string[] = []
  let tokens = 0
  for (const text of texts) {
    const cut = cutTo(text, bounds.maxTextTokens)
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

/** The beginning of a text, whole characters, of at most so many tokens by the estimate. */
export function cutTo(text: string, maxTokens: number): string {
  const bytes = Buffer.from(text)
  const max = maxTokens * BYTES_PER_TOKEN
  if (bytes.length <= max) return text
  let end = max
  // Bytes 10xxxxxx continue a character.
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
