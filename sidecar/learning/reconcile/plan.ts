import { offloaded, totalLength } from '../../text/workers/worker-pool.ts'
import { looksLikeCommand } from './commands.ts'
import { createSimilarity, duplicateKeyOf, findLaterDuplicates } from './similarity.ts'
import type { KnownMemory, NewFact } from './types.ts'

/** Most similar candidates of one fact in the request. */
const MAX_CANDIDATES = 10

/** Distinct memories in one request. */
const MAX_MEMORIES = 60

/** Facts in one request; the others, which have less similar candidates, are added. */
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

/** Returns one verdict per fact. */
export function planFacts({ facts, neighbours }: PlanInput): Verdict[] {
  const memories = new Map(neighbours.flat().map((known) => [known.id, known]))
  const similarityOf = createSimilarity([...facts, ...memories.values()])
  const duplicates = findLaterDuplicates(facts)
  const verdicts: Verdict[] = []
  const scored = new Map<number, Scored[]>()
  for (const [index, fact] of facts.entries()) {
    const verdict = decideByRule(fact, index, neighbours[index] ?? [], duplicates)
    verdicts.push(verdict ?? { kind: 'add', reason: 'no similar memory exists' })
    if (verdict) continue
    const found = new Map<string, Scored>()
    const consider = (candidate: Candidate, similarity: number | null) => {
      const key = keyOf(candidate)
      if (similarity !== null && !found.has(key)) found.set(key, { candidate, similarity })
    }
    for (const known of neighbours[index] ?? []) consider({ known }, similarityOf(fact, known))
    for (let earlier = 0; earlier < index; earlier++) {
      const before = verdicts[earlier] as Verdict
      if (before.kind === 'duplicate' || looksLikeCommand((facts[earlier] as NewFact).text)) continue
      const candidate = before.kind === 'known' ? { known: before.known } : { earlier }
      consider(candidate, similarityOf(fact, facts[earlier] as NewFact))
    }
    if (found.size > 0) scored.set(index, [...found.values()].sort(bySimilarity).slice(0, MAX_CANDIDATES))
  }
  for (const [index, candidates] of limitCandidates(scored)) {
    verdicts[index] =
      candidates.length > 0
        ? { kind: 'ask', candidates }
        : { kind: 'add', reason: 'the request was full of more similar pairs' }
  }
  return verdicts
}

interface Scored {
  candidate: Candidate
  similarity: number
}

function decideByRule(
  fact: NewFact,
  index: number,
  neighbours: readonly KnownMemory[],
  duplicates: ReadonlyMap<number, number>,
): Verdict | undefined {
  const of = duplicates.get(index)
  if (of !== undefined) return { kind: 'duplicate', of }
  const key = duplicateKeyOf(fact)
  const known = neighbours.find((one) => duplicateKeyOf(one) === key)
  if (known) return { kind: 'known', known }
  if (looksLikeCommand(fact.text))
    return { kind: 'add', reason: 'looks like a command, so it changes no memory' }
  return undefined
}

/** Keeps the most similar facts and their most similar candidates, within the limits of one request. */
function limitCandidates(scored: ReadonlyMap<number, Scored[]>): Map<number, Candidate[]> {
  const best = ([first]: Scored[]) => first?.similarity ?? 0
  const kept = [...scored].sort((a, b) => best(b[1]) - best(a[1]) || a[0] - b[0]).slice(0, MAX_FACTS)
  const pairs = kept.flatMap(([fact, list]) => list.map((one) => ({ fact, ...one }))).sort(bySimilarity)
  const memories = new Set<string>()
  const result = new Map([...scored.keys()].map((fact): [number, Candidate[]] => [fact, []]))
  for (const { fact, candidate } of pairs) {
    if ('known' in candidate) {
      if (!memories.has(candidate.known.id) && memories.size >= MAX_MEMORIES) continue
      memories.add(candidate.known.id)
    }
    result.get(fact)?.push(candidate)
  }
  return result
}

function bySimilarity(a: Scored, b: Scored): number {
  return b.similarity - a.similarity || (keyOf(a.candidate) < keyOf(b.candidate) ? -1 : 1)
}

function keyOf(candidate: Candidate): string {
  return 'known' in candidate ? `known ${candidate.known.id}` : `fact ${candidate.earlier}`
}
