import { planOf } from './plan.ts'
import { type Item, readDecisions } from './read-decisions.ts'
import { numberingOf, requestFor } from './request.ts'
import { rulesWith } from './rules.ts'
import { settle } from './settle.ts'
import {
  type Known,
  type NewFact,
  type ReconcileOptions,
  type Reconciliation,
  type Rejection,
  UnreadableDecisions,
} from './types.ts'

export { PROMPT_VERSION } from './request.ts'
export { DEFAULT_RULES, type Rules } from './rules.ts'
export * from './types.ts'

/** One request, and a second one that says what was wrong with the first answer. */
const MAX_ASKED = 2

/**
 * Decides what happens to each fact of a batch (ADD, UPDATE, DELETE, NOOP; Mem0, arXiv 2504.19413 §2.1): by rule where
 * possible, else in one model request for all facts. Changes no memory itself.
 *
 * Rejects with `ModelUnavailable` when the model cannot be reached, with `UnreadableDecisions` after two answers without
 * a decision, and with the signal's reason when aborted; in each case nothing is decided and the turns stay pending. A
 * fact that an answer omits, or decides against the rules, is asked about once more and then added.
 */
export async function reconcile(
  facts: readonly NewFact[],
  options: ReconcileOptions,
): Promise<Reconciliation> {
  const { model, account, signal } = options
  const rules = rulesWith(options.rules)
  signal?.throwIfAborted()
  const neighbours = await neighboursOf(facts, options, rules.neighbours)
  const verdicts = await planOf({ facts, neighbours, rules })
  const numbering = numberingOf(verdicts)

  const items = new Map<number, Item[]>()
  const rejected: Rejection[] = []
  let open = [...numbering.choices.keys()]
  let asked = 0
  let recognised = open.length === 0
  while (open.length > 0 && asked < MAX_ASKED) {
    signal?.throwIfAborted()
    const request = requestFor(facts, numbering, open, asked === 0 ? undefined : problemOf(rejected))
    const answer = await model.complete({ purpose: 'reconcile', ...request, signal, account })
    asked++
    const read = readDecisions(answer, numbering, open)
    for (const [fact, found] of read.items) items.set(fact, found)
    rejected.push(...read.rejected)
    recognised ||= read.recognised
    open = open.filter((fact) => !items.has(fact))
  }
  if (!recognised) throw new UnreadableDecisions(asked, rejected)
  for (const fact of open) rejected.push({ what: `facts[${fact}]`, why: 'left undecided, so it is added' })
  const settled = settle(facts, verdicts, items, rules)
  return { decisions: settled.decisions, asked, rejected: [...rejected, ...settled.rejected] }
}

/** Sequential, because a large batch would otherwise flood the store. */
async function neighboursOf(
  facts: readonly NewFact[],
  options: ReconcileOptions,
  limit: number,
): Promise<(readonly Known[])[]> {
  const all: (readonly Known[])[] = []
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
