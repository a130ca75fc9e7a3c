import { findTerm, TermHits } from './blocks.ts'
import type { Scannable } from './scope-blocks.ts'

/** BM25 parameters, as those of the ranking. */
const K1 = 1.2
const B = 0.5
/** Weight of an occurrence in the text said just before. */
const CONTEXT = 0.5

/** Used by one search at a time. */
const found = new TermHits()

export interface LexicalScores {
  /** BM25 by record, block after block; 0 without a query term. */
  scores: Float64Array
  /** Number of records with each query term in their text. */
  frequencies: Map<number, number>
}

export function scoreTerms(blocks: readonly Scannable[], terms: ReadonlyMap<number, number>): LexicalScores {
  const { norms, live } = lengthNorms(blocks)
  const scores = new Float64Array(norms.length)
  const records = new Uint32Array(norms.length)
  const tfs = new Float32Array(norms.length)
  const frequencies = new Map<number, number>()
  for (const [term, weight] of terms) {
    let [first, hits, df] = [0, 0, 0]
    for (const { head, postings, isRemoved } of blocks) {
      findTerm(term, postings, found)
      for (let i = 0; i < found.count; i++) {
        const place = found.touched[i] as number
        const own = found.own[place] as number
        if (isRemoved?.[place] !== 1) {
          records[hits] = first + place
          tfs[hits] = own + CONTEXT * (found.context[place] as number)
          hits += 1
          if (own > 0) df += 1
        }
        found.own[place] = 0
        found.context[place] = 0
      }
      found.count = 0
      first += head.count
    }
    frequencies.set(term, df)
    const idf = weight * Math.log(1 + (live - df + 0.5) / (df + 0.5)) * (1 + K1)
    for (let i = 0; i < hits; i++) {
      const record = records[i] as number
      const tf = tfs[i] as number
      scores[record] = (scores[record] as number) + (idf * tf) / (tf + (norms[record] as number))
    }
  }
  return { scores, frequencies }
}

/** What BM25 adds to a term frequency, by record, and the number of records that are not removed. */
function lengthNorms(blocks: readonly Scannable[]): { norms: Float32Array; live: number } {
  let [size, live, total] = [0, 0, 0]
  for (const { head, isRemoved } of blocks) {
    size += head.count
    for (let i = 0; i < head.count; i++) {
      if (isRemoved?.[i] === 1) continue
      live += 1
      total += head.termCounts[i] as number
    }
  }
  const mean = Math.max(1, total / Math.max(1, live))
  const norms = new Float32Array(size)
  let at = 0
  for (const { head } of blocks) {
    for (let i = 0; i < head.count; i++) {
      norms[at++] = K1 * (1 - B + (B * (head.termCounts[i] as number)) / mean)
    }
  }
  return { norms, live }
}
