import type { SearchEntry, SearchQuery, StoredRecord } from '../../sidecar/ports/records.ts'
import { hashTerm } from '../../sidecar/text/terms/hash.ts'
import { seededRandom } from '../lib/generated-facts.ts'
import { COMMON, noise, unit } from '../lib/vectors.ts'

const DIMENSIONS = 384
const TERMS = 30
const CONTEXT_TERMS = 15
const GRAMS = 150
const VOCABULARY = 50_000
/** The most common words. */
const STOP_WORDS = 50
const CLUSTERS = 500
const NOISE = 0.9

export interface SearchableRecord extends StoredRecord {
  search: SearchEntry
  dense: Float32Array
}

const random = seededRandom(11)

const common = unit(noise(random, DIMENSIONS))
const clusters = Array.from({ length: CLUSTERS }, () => unit(noise(random, DIMENSIONS)))

/** A distinct record; its vector is near to those of its cluster, its terms follow Zipf's law. */
export function recordOf(i: number): SearchableRecord {
  return {
    id: `memory-${i}`,
    order: 1_760_000_000_000_000 + i,
    payload: {
      text: `Memory ${i}: yesterday we talked about the green bicycle that Ada bought in Kyoto.`,
      topic: `topic-${i % 20}`,
      day: i % 1000,
      sources: [{ conversation_id: `c-${i % 500}`, turn: i % 40, at: 1_760_000_000_000 + i }],
      metadata: { tags: ['a', 'b'], half: i % 2 },
    },
    dense: vectorNear(clusters[i % CLUSTERS] as Float32Array),
    search: {
      terms: Uint32Array.from({ length: TERMS }, termOf),
      context: Uint32Array.from({ length: CONTEXT_TERMS }, termOf),
      grams: Uint16Array.from({ length: GRAMS }, (_, n) => (i * 31 + n * 257) & 0xffff),
      features: { speaker: 'Ada', session: i % 500, at: 1_760_000_000_000 + i, first: true, numeral: false },
    },
  }
}

/** A question about a record: three of its terms, five others, and a vector near to its own. */
export function queryOf({ search, dense }: SearchableRecord, limit: number): SearchQuery {
  const terms = [...search.terms.slice(0, 3), ...Array.from({ length: 5 }, termOf)]
  return {
    terms: new Map(terms.map((term) => [term, 1])),
    dense: unit(
      noise(random, DIMENSIONS).map(
        (value, k) => 0.3 * (value / Math.sqrt(DIMENSIONS)) + (dense[k] as number),
      ),
    ),
    limit,
  }
}

/** A word of the vocabulary, with a frequency inversely proportional to its rank. Stop words are not indexed. */
function termOf(): number {
  const rank = Math.floor(STOP_WORDS * (VOCABULARY / STOP_WORDS) ** random())
  return hashTerm(`term-${rank}`)
}

function vectorNear(centre: Float32Array): Float32Array {
  const deviation = noise(random, DIMENSIONS)
  return unit(
    centre.map((value, k) => {
      const own = value + (NOISE * (deviation[k] as number)) / Math.sqrt(DIMENSIONS)
      return COMMON * (common[k] as number) + own
    }),
  )
}
