import { applyDecisions } from './apply-decisions.ts'
import { planReconciliation } from './plan.ts'
import { type ModelDecision, readDecisions } from './read-decisions.ts'
import { numberingOf, requestFor } from './request.ts'
import { rulesWith } from './rules.ts'
import {
  type KnownMemory,
  type NewFact,
  type ReconcileOptions,
  type Reconciliation,
  type Rejection,
  UnreadableDecisions,
} from './types.ts'

/** The first request, and one more that names the problem of its answer. */
const MAX_REQUESTS = 2

/**
 * Decides for each fact of a batch whether to ADD, UPDATE, DELETE or NOOP (Mem0, arXiv 2504.19413 §2.1): by rule where
 * the case is clear, otherwise in one model request for all facts. It changes no memory itself.
 *
 * Rejects with `ModelUnavailable` when the model cannot be reached, with `UnreadableDecisions` when two answers contain
 * no decision, and with the signal's reason when aborted. Nothing is decided then, and the turns stay pending. A single
 * fact without a usable decision is asked about once more and then added.
 */
export async function reconcile(
  facts: readonly NewFact[],
  options: ReconcileOptions,
): Promise<Reconciliation> {
  const { model, account, signal } = options
  const rules = rulesWith(options.rules)
  signal?.throwIfAborted()
  const neighbours = await neighboursOf(facts, options, rules.neighbours)
  const verdicts = await planReconciliation({ facts, neighbours, rules })
  const numbering = numberingOf(verdicts)

  const byFact = new Map<number, ModelDecision[]>()
  const rejected: Rejection[] = []
  let open = [...numbering.choices.keys()]
  let asked = 0
  let isRecognised = open.length === 0
  while (open.length > 0 && asked < MAX_REQUESTS) {
    signal?.throwIfAborted()
    const request = requestFor(facts, numbering, open, asked === 0 ? undefined : problemOf(rejected))
    const answer = await model.complete({ purpose: 'reconcile', ...request, signal, account })
    asked++
    const read = readDecisions(answer, numbering, open)
    for (const [fact, found] of read.byFact) byFact.set(fact, found)
    rejected.push(...read.rejected)
    isRecognised ||= read.isRecognised
    open = open.filter((fact) => !byFact.has(fact))
  }
  if (!isRecognised) throw new UnreadableDecisions(asked, rejected)
  for (const fact of open) rejected.push({ what: `facts[${fact}]`, why: 'undecided, so it is added' })
  const applied = applyDecisions(facts, verdicts, byFact, rules)
  return { decisions: applied.decisions, asked, rejected: [...rejected, ...applied.rejected] }
}

/** Sequential, to limit the load of a large batch on the store. */
async function neighboursOf(
  facts: readonly NewFact[],
  options: ReconcileOptions,
  limit: number,
): Promise<(readonly KnownMemory[])[]> {
  const all: (readonly KnownMemory[])[] = []
  for (const fact of facts) {
    all.push(limit > 0 ? await options.neighboursOf(fact, limit) : [])
    options.signal?.throwIfAborted()
  }
  return all
}

function problemOf(rejected: readonly Rejection[]): string {
  const reasons = rejected.map(({ what, why }) => `${what.replace(/facts\[\d+\]/, 'a fact')}: ${why}`)
  return [...new Set(reasons)].slice(0, 5).join('; ') || 'facts were left out'
}
