/** Limits of one request; tokens are estimated. Longer texts are truncated to `maxTextTokens`. */
export interface BatchBounds {
  maxTexts: number
  maxTokens: number
  maxTextTokens: number
}

/** A byte-pair token is about four bytes of English and three of Chinese. Tokenizers differ, so limits need a margin. */
const BYTES_PER_TOKEN = 3

export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)
}

/** Splits the texts, in order, into requests within the limits. */
export function batchesOf(texts: readonly string[], bounds: BatchBounds): string[][] {
  const batches: string[][] = []
  let tokens = 0
  for (const text of texts) {
    const cut = truncate(text, bounds.maxTextTokens)
    const last = batches.at(-1)
    tokens += estimateTokens(cut)
    if (last && last.length < bounds.maxTexts && tokens <= bounds.maxTokens) last.push(cut)
    else {
      batches.push([cut])
      tokens = estimateTokens(cut)
    }
  }
  return batches
}

/** Truncates a text to an estimated number of tokens, at a character boundary. */
export function truncate(text: string, maxTokens: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxTokens * BYTES_PER_TOKEN))
  return text.slice(0, read)
}

/** The L2-normalised vector of one embedding in a response. `invalid` creates the error for anything else. */
export function vectorOf(
  embedding: unknown,
  dimensions: number | undefined,
  invalid: (got: string) => Error,
): Float32Array {
  const vector = numbersOf(embedding)
  if (!vector || vector.length === 0) throw invalid('an embedding without numbers')
  if (vector.length !== (dimensions ?? vector.length)) {
    throw invalid(`an embedding of ${vector.length} numbers instead of ${dimensions}`)
  }
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  if (length === 0) throw invalid('an embedding of zeros only')
  if (!Number.isFinite(length)) throw invalid('an embedding with numbers that are not finite')
  return vector.map((value) => value / length)
}

/** An array of numbers, or the base64 of little-endian 32-bit floats. */
function numbersOf(embedding: unknown): Float32Array | undefined {
  if (typeof embedding === 'string') {
    const bytes = Buffer.from(embedding, 'base64')
    if (bytes.length % 4 !== 0) return undefined
    return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
  }
  if (!Array.isArray(embedding) || !embedding.every((value) => typeof value === 'number')) return undefined
  return Float32Array.from(embedding)
}
