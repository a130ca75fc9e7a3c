import { offloaded, totalLength } from '../../text/workers/worker-pool.ts'
import { looksLikeCommand } from './commands.ts'
import { createSimilarity, duplicateKeyOf } from './similarity.ts'
import type { KnownMemory, NewFact } from './types.ts'

/** Limits of one request. The most similar pairs of fact and candidate are used. */
const MAX_CANDIDATES = 10
const MAX_MEMORIES = 60
const MAX_FACTS = 100

/** What a fact may change or repeat: a memory, or an earlier fact of the batch. */
export type Candidate = { known: KnownMemory } | { earlier: number }

/** What the rules decide about a fact, or the candidates that the model is asked about. */
export type Verdict =
  | { kind: 'add'; reason: string }
  | { kind: 'known'; known: KnownMemory }
  /** The later fact `of` repeats this one. */
  | { kind: 'duplicate'; of: number }
  /** Most similar first; never empty. */
  | { kind: 'ask'; candidates: Candidate[] }

export interface PlanInput {
  facts: readonly NewFact[]
  /** The similar memories of each fact, in the order of the facts. */
  neighbours: readonly (readonly KnownMemory[])[]
}

/** `planFacts`, in a worker thread when there is much text. */
export const planReconciliation = offloaded(import.meta.url, planFacts, ({ facts, neighbours }) =>
  totalLength([...facts, ...neighbours.flat()].map(({ text }) => text)),
)

interface Pair {
  fact: number
  candidate: Candidate
  similarity: number
}

/** Returns one verdict per fact. */
export function planFacts({ facts, neighbours }: PlanInput): Verdict[] {
  const memories = new Map(neighbours.flat().map((known) => [known.id, known]))
  const similarityOf = createSimilarity([...facts, ...memories.values()])
  const keys = facts.map(duplicateKeyOf)
  const lastOf = new Map(keys.map((key, index) => [key, index]))
  const verdicts: Verdict[] = []
  const pairs: Pair[] = []
  for (const [index, fact] of facts.entries()) {
    const key = keys[index] as string
    const of = lastOf.get(key) as number
    const near = neighbours[index] ?? []
    const known = near.find((one) => duplicateKeyOf(one) === key)
    const found = new Map<string, Pair>()
    const consider = (candidate: Candidate, similarity: number | null) => {
      const pair = similarity === null ? undefined : { fact: index, candidate, similarity }
      if (pair && !found.has(keyOf(candidate))) found.set(keyOf(candidate), pair)
    }
    // The last occurrence represents all, so that in "Leeds", "Porto", "Leeds after all" the fact between precedes it.
    if (of !== index) verdicts.push({ kind: 'duplicate', of })
    else if (known) verdicts.push({ kind: 'known', known })
    else if (looksLikeCommand(fact.text))
      verdicts.push({ kind: 'add', reason: 'looks like a command, so it changes no memory' })
    else {
      for (const one of near) consider({ known: one }, similarityOf(fact, one))
      for (const [earlier, before] of verdicts.entries()) {
        const other = facts[earlier] as NewFact
        if (before.kind === 'duplicate' || looksLikeCommand(other.text)) continue
        consider(before.kind === 'known' ? { known: before.known } : { earlier }, similarityOf(fact, other))
      }
      const reason =
        found.size > 0 ? 'the request was full of more similar pairs' : 'no similar memory exists'
      verdicts.push({ kind: 'add', reason })
      pairs.push(...found.values())
    }
  }
  for (const [fact, candidates] of limitPairs(pairs)) verdicts[fact] = { kind: 'ask', candidates }
  return verdicts
}

/** The candidates of each fact within the limits of one request. */
function limitPairs(pairs: readonly Pair[]): Map<number, Candidate[]> {
  const memories = new Set<string>()
  const byFact = new Map<number, Candidate[]>()
  for (const { fact, candidate } of pairs.toSorted(bySimilarity)) {
    const candidates = byFact.get(fact) ?? []
    if (candidates.length >= MAX_CANDIDATES) continue
    if (candidates.length === 0 && byFact.size >= MAX_FACTS) continue
    if ('known' in candidate) {
      if (!memories.has(candidate.known.id) && memories.size >= MAX_MEMORIES) continue
      memories.add(candidate.known.id)
    }
    byFact.set(fact, [...candidates, candidate])
  }
  return byFact
}

function bySimilarity(a: Pair, b: Pair): number {
  return b.similarity - a.similarity || (keyOf(a.candidate) < keyOf(b.candidate) ? -1 : 1)
}

function keyOf(candidate: Candidate): string {
  return 'known' in candidate ? `known ${candidate.known.id}` : `fact ${candidate.earlier}`
}
