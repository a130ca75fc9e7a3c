import type { Embedder } from '../../ports/embedder.ts'
import { hashTerm } from '../../text/terms/hash.ts'
import { readText, termsOf } from '../../text/terms/tokens.ts'
import { chunksByLength, offloaded, totalLength } from '../../text/workers/worker-pool.ts'

export interface LexicalEmbedderOptions {
  /** Length of the vectors. @default 384 */
  dimensions?: number
}

/**
 * An embedder without a model, a download or a key: signed feature hashing (Weinberger et al. 2009) of
 * word stems and of the character n-grams inside them (Bojanowski et al. 2017 without the training).
 * Similar spelling gives similar vectors, so it forgives typos and word endings; it knows no synonyms.
 */
export function lexicalEmbedder({ dimensions = 384 }: LexicalEmbedderOptions = {}): Embedder {
  return {
    name: `lexical-1-${dimensions}`,
    dimensions,
    async embed(texts, _purpose, signal) {
      const vectors: Float32Array[] = []
      signal?.throwIfAborted()
      for (const chunk of chunksByLength(texts, (text) => text.length)) {
        vectors.push(...(await embedChunk({ texts: chunk, dimensions })))
        signal?.throwIfAborted()
      }
      return vectors
    },
  }
}

export function embedTexts({
  texts,
  dimensions,
}: {
  texts: readonly string[]
  dimensions: number
}): Float32Array[] {
  return texts.map((text) => hashFeatures(termsOf(readText(text)), dimensions))
}

const embedChunk = offloaded(import.meta.url, embedTexts, ({ texts }) => totalLength(texts))

/** Share of a word's weight that all its n-grams have together; the stem has the rest. */
const GRAM_SHARE = 0.5
const GRAM_LENGTHS = [3, 4]

function hashFeatures(terms: readonly string[], dimensions: number): Float32Array {
  const counts = new Map<string, number>()
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
  const vector = new Float32Array(dimensions)
  for (const [term, count] of counts) {
    // Sublinear term frequency (Salton & Buckley 1988).
    const weight = 1 + Math.log(count)
    add(vector, `=${term}`, weight * Math.sqrt(1 - GRAM_SHARE))
    const grams = gramsOf(term)
    const each = weight * Math.sqrt(GRAM_SHARE / grams.length)
    for (const gram of grams) add(vector, gram, each)
  }
  return unit(vector)
}

function gramsOf(term: string): string[] {
  const padded = `<${term}>`
  const grams: string[] = []
  for (const length of GRAM_LENGTHS) {
    for (let at = 0; at + length <= padded.length; at++) grams.push(padded.slice(at, at + length))
  }
  return grams.length > 0 ? grams : [padded]
}

function add(vector: Float32Array, feature: string, weight: number): void {
  const hash = hashTerm(feature)
  const at = hash % vector.length
  // A bit that the remainder hardly depends on.
  vector[at] = (vector[at] as number) + (hash & 0x8000_0000 ? -weight : weight)
}

function unit(vector: Float32Array): Float32Array {
  const sum = vector.reduce((total, value) => total + value * value, 0)
  if (sum === 0) return vector
  const scale = 1 / Math.sqrt(sum)
  return vector.map((value) => value * scale)
}
