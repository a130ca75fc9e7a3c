import { applyDecisions } from './apply-decisions.ts'
import { planReconciliation } from './plan.ts'
import { type ModelDecision, readDecisions } from './read-decisions.ts'
import { numberingOf, requestFor } from './request.ts'
import {
  type Decision,
  type KnownMemory,
  type NewFact,
  type ReconcileOptions,
  UnreadableDecisions,
} from './types.ts'

/** Memories compared with one fact (s in the Mem0 paper, arXiv 2504.19413 §2.1). */
const MAX_NEIGHBOURS = 10

/** The first request, and one more that names the problems of its answer. */
const MAX_REQUESTS = 2

/**
 * Decides for each fact of a batch whether to ADD, UPDATE, DELETE or NOOP (Mem0, arXiv 2504.19413 §2.1): by rule where
 * the case is clear, otherwise in one model request. A fact without a usable decision is asked about once more.
 * @returns in the order of the facts, at least one each; no two of them change the same memory
 * @throws {ModelUnavailable | UnreadableDecisions}
 */
export async function reconcile(facts: readonly NewFact[], options: ReconcileOptions): Promise<Decision[]> {
  const { model, account, signal } = options
  // Sequential, to limit the load of a large batch on the store.
  const neighbours: (readonly KnownMemory[])[] = []
  for (const fact of facts) {
    signal?.throwIfAborted()
    neighbours.push(await options.neighboursOf(fact, MAX_NEIGHBOURS))
  }
  const verdicts = await planReconciliation({ facts, neighbours })
  const numbering = numberingOf(verdicts)

  const byFact = new Map<number, ModelDecision[]>()
  let problem: string | undefined
  let open = [...numbering.choices.keys()]
  let isRecognised = open.length === 0
  for (let asked = 0; open.length > 0 && asked < MAX_REQUESTS; asked++) {
    signal?.throwIfAborted()
    const request = requestFor(facts, numbering, open, problem)
    const answer = await model.complete({ purpose: 'reconcile', ...request, signal, account })
    const read = readDecisions(answer, numbering, open)
    for (const [fact, found] of read.byFact) byFact.set(fact, found)
    problem = [...new Set(read.problems)].slice(0, 5).join('; ') || 'facts were left out'
    isRecognised ||= read.isRecognised
    open = open.filter((fact) => !byFact.has(fact))
  }
  if (!isRecognised) throw new UnreadableDecisions(`${problem}`)
  return applyDecisions(facts, verdicts, byFact)
}
