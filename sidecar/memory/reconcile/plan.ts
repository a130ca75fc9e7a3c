import { offloaded, totalLength } from '../../text/worker-pool.ts'
import { readsAsCommand } from './commands.ts'
import { duplicateKey, saidAgainLater } from './duplicates.ts'
import type { Rules } from './rules.ts'
import { nearness } from './similarity.ts'
import type { Known, NewFact } from './types.ts'

/** What a fact may be about: a memory, or an earlier fact of this batch. */
export type Candidate = { known: Known } | { earlier: number }

/** The decision about a fact where rules are enough, or the question for the model. */
export type Verdict =
  | { kind: 'add'; reason: string }
  | { kind: 'known'; known: Known }
  /** Repeated later in the batch, by that fact. */
  | { kind: 'again'; by: number }
  /** Most similar first; never empty. */
  | { kind: 'ask'; candidates: Candidate[] }

export interface PlanInput {
  facts: readonly NewFact[]
  /** The memories near each fact, in the order of the facts. */
  neighbours: readonly (readonly Known[])[]
  rules: Rules
}

/** `planFacts`, in a worker thread when there is much text. */
export const planOf = offloaded(import.meta.url, planFacts, ({ facts, neighbours }) =>
  totalLength([...facts, ...neighbours.flat()].map(({ text }) => text)),
)

/** One verdict for each fact. */
export function planFacts({ facts, neighbours, rules }: PlanInput): Verdict[] {
  const memories = new Map(neighbours.flat().map((known) => [known.id, known]))
  const near = nearness([...facts, ...memories.values()], rules)
  const again = saidAgainLater(facts)
  const verdicts: Verdict[] = []
  const scored = new Map<number, Scored[]>()
  for (const [index, fact] of facts.entries()) {
    const verdict = byRule(fact, index, neighbours[index] ?? [], again)
    verdicts.push(verdict ?? { kind: 'add', reason: 'nothing like it is known' })
    if (verdict) continue
    const found = new Map<string, Scored>()
    const consider = (candidate: Candidate, similarity: number | null) => {
      const key = keyOf(candidate)
      if (similarity !== null && !found.has(key)) found.set(key, { candidate, similarity })
    }
    for (const known of neighbours[index] ?? []) consider({ known }, near(fact, known))
    for (let earlier = 0; earlier < index; earlier++) {
      const before = verdicts[earlier] as Verdict
      if (before.kind === 'again' || readsAsCommand((facts[earlier] as NewFact).text)) continue
      const candidate = before.kind === 'known' ? { known: before.known } : { earlier }
      consider(candidate, near(fact, facts[earlier] as NewFact))
    }
    if (found.size > 0) scored.set(index, [...found.values()].sort(bySimilarity).slice(0, rules.neighbours))
  }
  for (const [index, candidates] of bounded(scored, rules)) {
    verdicts[index] =
      candidates.length > 0
        ? { kind: 'ask', candidates }
        : { kind: 'add', reason: 'more similar pairs took the room of the request' }
  }
  return verdicts
}

interface Scored {
  candidate: Candidate
  similarity: number
}

function byRule(
  fact: NewFact,
  index: number,
  neighbours: readonly Known[],
  again: ReadonlyMap<number, number>,
): Verdict | undefined {
  const by = again.get(index)
  if (by !== undefined) return { kind: 'again', by }
  const key = duplicateKey(fact)
  const known = neighbours.find((one) => duplicateKey(one) === key)
  if (known) return { kind: 'known', known }
  if (readsAsCommand(fact.text)) return { kind: 'add', reason: 'reads as a command, so it changes no memory' }
  return undefined
}

/** Keeps the most similar facts, and the most similar of their pairs with a memory. */
function bounded(scored: ReadonlyMap<number, Scored[]>, rules: Rules): Map<number, Candidate[]> {
  const best = ([first]: Scored[]) => first?.similarity ?? 0
  const kept = [...scored].sort((a, b) => best(b[1]) - best(a[1]) || a[0] - b[0]).slice(0, rules.maxFacts)
  const pairs = kept.flatMap(([fact, list]) => list.map((one) => ({ fact, ...one }))).sort(bySimilarity)
  const memories = new Set<string>()
  const result = new Map([...scored.keys()].map((fact): [number, Candidate[]] => [fact, []]))
  for (const { fact, candidate } of pairs) {
    if ('known' in candidate) {
      if (!memories.has(candidate.known.id) && memories.size >= rules.maxMemories) continue
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
