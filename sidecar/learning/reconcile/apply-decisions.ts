import { chooseUpdatedText, containsFact, onlyNegates, preservesFact, refinesOldText } from './content.ts'
import { type Change, type MemoryDraft, MemoryDrafts } from './memory-drafts.ts'
import type { Candidate, Verdict } from './plan.ts'
import type { ModelDecision } from './read-decisions.ts'
import type { Decision, NewFact } from './types.ts'

/** DELETE decisions per batch and per fact. A chat message must not empty a memory; erasing is a separate API call. */
const MAX_DELETIONS = 5
const MAX_DELETIONS_PER_FACT = 2

/** Applies the verdicts of the rules and the decisions of the model, fact by fact in order, as far as that is safe. */
export function applyDecisions(
  facts: readonly NewFact[],
  verdicts: readonly Verdict[],
  byFact: ReadonlyMap<number, readonly ModelDecision[]>,
): Decision[] {
  const drafts = new MemoryDrafts(facts)
  const duplicates = new Map<number, number>()
  let deletions = 0

  for (const [fact, verdict] of verdicts.entries()) {
    const byRule = (reason: string): Change => ({ fact, reason, decidedBy: 'rule' })
    if (verdict.kind === 'duplicate') duplicates.set(fact, verdict.of)
    else if (verdict.kind === 'add') drafts.create(byRule(verdict.reason))
    else if (verdict.kind === 'known') confirm(verdict, byRule('said before in the same words'))
    else {
      apply(fact, byFact.get(fact) ?? [])
      if (!drafts.isApplied(fact)) drafts.create(byRule('the model gave no usable decision'))
    }
  }
  return drafts.decisions(duplicates)

  function apply(fact: number, decided: readonly ModelDecision[]): void {
    const update = decided.find((one) => one.action === 'UPDATE')
    const add = decided.find((one) => one.action === 'ADD')
    const noop = decided.find((one) => one.action === 'NOOP')
    let removals = decided.filter((one) => one.action === 'DELETE')
    if (update) replace(fact, update.target, update.text, update.why)
    else if (!add && noop) confirm(noop.target, { fact, reason: noop.why, decidedBy: 'model' })
    else {
      // A bare DELETE would lose what the fact itself states, so the fact supersedes the memory instead.
      const superseded = removals.find(({ target }) => add !== undefined || !isPureNegation(fact, target))
      if (superseded) replace(fact, superseded.target, '', superseded.why)
      else if (add) drafts.create({ fact, reason: add.why, decidedBy: 'model' })
      removals = removals.filter((one) => one !== superseded)
    }
    let ownDeletions = 0
    for (const { target, why } of removals) {
      const isAllowed = ownDeletions < MAX_DELETIONS_PER_FACT && deletions < MAX_DELETIONS
      if (!isAllowed || !remove(fact, target, why)) continue
      ownDeletions++
      deletions++
    }
  }

  /** Supersedes a memory by the text of the model if that is safe, else by the text of the fact. */
  function replace(fact: number, target: Candidate, proposed: string, why: string): void {
    const { text: stated } = facts[fact] as NewFact
    const draft = drafts.of(target)
    const change: Change = { fact, reason: why, decidedBy: 'model' }
    const original = draft.known?.text ?? draft.text
    const text = chooseUpdatedText(proposed, stated, draft.text)
    if (text === null) {
      confirm(target, change)
    } else if (isOlder(fact, draft) && !refinesOldText(text, draft.text, stated)) {
      confirmNewer(fact, draft)
    } else {
      const previous = factBehind(draft)
      // Two facts refine the same memory, and the second text does not contain the first fact.
      const isSplit =
        previous !== null &&
        refinesOldText(text, original, stated) &&
        !preservesFact(text, previous, original)
      if (isSplit && 'known' in target) drafts.split(draft)
      drafts.update(draft, text, change)
    }
  }

  /** Records that a memory states the fact already, if that is still true. */
  function confirm(target: Candidate, change: Change): void {
    const { text } = facts[change.fact] as NewFact
    const draft = drafts.of(target)
    const previous = factBehind(draft)
    const statesFact = () =>
      previous === null || containsFact(draft.text, text) || preservesFact(draft.text, text, previous)
    if (!draft.isDeleted && statesFact()) {
      drafts.confirm(draft, change)
    } else if ('known' in target) {
      // An earlier fact of the batch changed that memory; the last statement is that it holds again.
      drafts.restore(draft, change)
      drafts.confirm(draft, change)
    } else {
      drafts.update(draft, text, change)
    }
  }

  /** Returns whether a memory was deleted, which counts towards the limits. */
  function remove(fact: number, target: Candidate, why: string): boolean {
    const draft = drafts.of(target)
    const change: Change = { fact, reason: why, decidedBy: 'model' }
    if (drafts.isApplied(fact)) {
      if (drafts.holds(fact, draft) || draft.isDeleted || isOlder(fact, draft)) return false
    } else if (draft.isDeleted) {
      drafts.confirm(draft, change)
      return false
    } else if (isOlder(fact, draft)) {
      confirmNewer(fact, draft)
      return false
    } else if (draft.known === null) {
      // Nothing is stored yet: the negation replaces the fact that it negates.
      replace(fact, target, '', why)
      return false
    }
    drafts.delete(draft, change)
    return true
  }

  /** A fact that was said before the memory does not overrule it. */
  function confirmNewer(fact: number, draft: MemoryDraft): void {
    drafts.confirm(draft, { fact, reason: 'said before the known memory, which is newer', decidedBy: 'rule' })
  }

  /** The text of the fact that last changed the draft. */
  function factBehind({ lastChange }: MemoryDraft): string | null {
    return lastChange === null ? null : (facts[lastChange.fact]?.text ?? null)
  }

  function isOlder(fact: number, { known, lastChange }: MemoryDraft): boolean {
    return lastChange === null && known !== null && known.at > (facts[fact] as NewFact).at
  }

  function isPureNegation(fact: number, target: Candidate): boolean {
    const { text, eventDate } = facts[fact] as NewFact
    return eventDate === null && onlyNegates(text, drafts.of(target).text)
  }
}
