import type { Schemas } from '@qdrant/js-client-rest'
import type { SearchEntry } from '../../../ports/records.ts'

/** A search entry as part of a payload. */
export interface StoredEntry {
  /** Base64 of little-endian 32-bit numbers. */
  terms: string
  context: string
  /** Base64 of little-endian 16-bit numbers. */
  grams: string
  /** JSON text, because Qdrant sorts object keys. */
  features: string
}

/** BM25 parameters, as those of the ranking. Qdrant knows no average length. */
const K1 = 1.2
const B = 0.5
const AVERAGE_LENGTH = 16
/** Weight of an occurrence in the text said just before. */
const CONTEXT = 0.5

export function encodeEntry({ terms, context, grams, features }: SearchEntry): StoredEntry {
  return {
    terms: encodeTerms(terms),
    context: encodeTerms(context),
    grams: encodeTerms(grams),
    features: JSON.stringify(features),
  }
}

export function decodeEntry({ terms, context, grams, features }: StoredEntry): SearchEntry {
  return {
    terms: decodeTerms(terms),
    context: decodeTerms(context),
    grams: new Uint16Array(new Uint8Array(Buffer.from(grams, 'base64')).buffer),
    features: JSON.parse(features),
  }
}

function encodeTerms({ buffer, byteOffset, byteLength }: Uint32Array | Uint16Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}

export function decodeTerms(text: string): Uint32Array {
  // Copied, because small buffers share an allocation that is not aligned.
  return new Uint32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer)
}

/** The BM25 weights of an entry without the rarity of its terms, which Qdrant multiplies in. */
export function toSparse({ terms, context }: SearchEntry): Schemas['SparseVector'] {
  const frequencies = new Map<number, number>()
  for (const term of terms) frequencies.set(term, (frequencies.get(term) ?? 0) + 1)
  for (const term of context) frequencies.set(term, (frequencies.get(term) ?? 0) + CONTEXT)
  const norm = K1 * (1 - B + (B * terms.length) / AVERAGE_LENGTH)
  const values = [...frequencies.values()].map((tf) => Number(((tf * (1 + K1)) / (tf + norm)).toPrecision(4)))
  return { indices: [...frequencies.keys()], values }
}
