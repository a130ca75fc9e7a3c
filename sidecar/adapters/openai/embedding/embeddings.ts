import { member } from '../json.ts'

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

/** The L2-normalised vectors of a response, in the order of the texts. `invalid` creates the error for any other. */
export function vectorsOf(
  body: unknown,
  expected: { count: number; dimensions: number | undefined },
  invalid: (got: string) => Error,
): Float32Array[] {
  const data = member(body, 'data')
  if (!Array.isArray(data)) throw invalid(body ? 'a body that is not a list of embeddings' : 'nothing')
  if (data.length !== expected.count) throw invalid(`${data.length} embeddings for ${expected.count} texts`)
  const vectors = new Map<number, Float32Array>()
  let { dimensions } = expected
  for (const [position, item] of data.entries()) {
    const index = Number(member(item, 'index') ?? position)
    if (!(index in data)) throw invalid('an embedding whose index is out of range')
    if (vectors.has(index)) throw invalid('two embeddings with the same index')
    const vector = numbersOf(member(item, 'embedding'))
    if (!vector || vector.length === 0) throw invalid('an embedding without numbers')
    dimensions ??= vector.length
    if (vector.length !== dimensions) {
      throw invalid(`an embedding of ${vector.length} numbers instead of ${dimensions}`)
    }
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
    if (length === 0) throw invalid('an embedding of zeros only')
    if (!Number.isFinite(length)) throw invalid('an embedding with numbers that are not finite')
    const normalised = vector.map((value) => value / length)
    vectors.set(index, normalised)
  }
  return data.map((_, i) => vectors.get(i) as Float32Array)
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
