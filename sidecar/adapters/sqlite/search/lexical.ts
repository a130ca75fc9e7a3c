import { keyOf, placeOf } from './blocks.ts'
import type { Scannable } from './scope-blocks.ts'

/** BM25 parameters, as those of the ranking. */
const K1 = 1.2
const B = 0.5
/** Weight of an occurrence in the text said just before. */
const CONTEXT = 0.5

export interface LexicalScores {
  /** BM25 by record, block after block; 0 without a query term. */
  scores: Float64Array
  /** Number of records with each query term in their text. */
  frequencies: Map<number, number>
}

export function scoreTerms(blocks: readonly Scannable[], terms: ReadonlyMap<number, number>): LexicalScores {
  const { lengths, live, mean } = countTerms(blocks)
  const [short, perTerm] = [K1 * (1 - B), (K1 * B) / mean]
  const size = lengths.length
  const scores = new Float64Array(size)
  const frequencies = new Map<number, number>()
  const hits: Hits = { count: 0, records: new Uint32Array(size), tfs: new Float32Array(size) }
  for (const [term, weight] of terms) {
    hits.count = 0
    let [first, df] = [0, 0]
    for (const block of blocks) {
      df += findTerm(keyOf(term), block, first, hits)
      first += block.head.count
    }
    frequencies.set(term, df)
    const idf = weight * Math.log(1 + (live - df + 0.5) / (df + 0.5)) * (1 + K1)
    for (let i = 0; i < hits.count; i++) {
      const record = hits.records[i] as number
      const tf = hits.tfs[i] as number
      const norm = short + perTerm * (lengths[record] as number)
      scores[record] = (scores[record] as number) + (idf * tf) / (tf + norm)
    }
  }
  return { scores, frequencies }
}

/** Records with a term, in order, and how often each has it; an occurrence in the context counts as `CONTEXT`. */
interface Hits {
  count: number
  records: Uint32Array
  tfs: Float32Array
}

/**
 * Appends the records of a block that have a term. Postings are in the order of their records, and those of a record's
 * own text come before those of its context.
 * @param first index of the first record of the block
 * @returns the number of records with the term in their own text
 */
function findTerm(key: number, { postings, isRemoved }: Scannable, first: number, hits: Hits): number {
  const { records, tfs } = hits
  const { middles, places, start, end } = postings(key)
  const middle = (key >>> 8) & 0xffff
  let { count } = hits
  let [df, last] = [0, -1]
  for (let i = start; i < end; i++) {
    if (middles[i] !== middle) continue
    const { place, isContext } = placeOf(places[i] as number)
    if (place === last) {
      tfs[count - 1] = (tfs[count - 1] as number) + (isContext ? CONTEXT : 1)
    } else if (isRemoved?.[place] !== 1) {
      last = place
      records[count] = first + place
      tfs[count] = isContext ? CONTEXT : 1
      count += 1
      if (!isContext) df += 1
    }
  }
  hits.count = count
  return df
}

/** Numbers of terms by record, and their mean over the records that are not removed. */
function countTerms(blocks: readonly Scannable[]): { lengths: Uint32Array; live: number; mean: number } {
  const lengths = new Uint32Array(blocks.reduce((size, { head }) => size + head.count, 0))
  let [first, live, terms] = [0, 0, 0]
  for (const block of blocks) {
    lengths.set(block.head.termCounts, first)
    first += block.head.count
    live += block.live
    terms += block.liveTerms
  }
  return { lengths, live, mean: Math.max(1, terms / Math.max(1, live)) }
}
