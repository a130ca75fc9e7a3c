import { chooseUpdatedText, containsFact, onlyNegates, preservesFact, refinesOldText } from './content.ts'
import { type MemoryDraft, MemoryDrafts } from './memory-drafts.ts'
import type { Candidate, Verdict } from './plan.ts'
import type { ModelDecision } from './read-decisions.ts'
import type { Change, Decision, NewFact } from './types.ts'

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
    const rule = (reason: string): Change => ({ fact, reason, decidedBy: 'rule' })
    if (verdict.kind === 'duplicate') duplicates.set(fact, verdict.of)
    else if (verdict.kind === 'add') drafts.create(rule(verdict.reason))
    else if (verdict.kind === 'known') confirm(verdict, rule('said before in the same words'))
    else {
      apply(fact, byFact.get(fact) ?? [])
      if (!drafts.isApplied(fact)) drafts.create(rule('the model gave no usable decision'))
    }
  }
  return drafts.decisions(duplicates)

  function apply(fact: number, decided: readonly ModelDecision[]): void {
    const model = (reason: string): Change => ({ fact, reason, decidedBy: 'model' })
    const update = decided.find((one) => one.action === 'UPDATE')
    const add = decided.find((one) => one.action === 'ADD')
    const noop = decided.find((one) => one.action === 'NOOP')
    let removals = decided.filter((one) => one.action === 'DELETE')
    if (update) replace(update.target, update.text, model(update.why))
    else if (!add && noop) confirm(noop.target, model(noop.why))
    else {
      // A bare DELETE would lose what the fact itself states, so the fact supersedes the memory instead.
      const superseded = removals.find(({ target }) => add !== undefined || !isPureNegation(fact, target))
      if (superseded) replace(superseded.target, '', model(superseded.why))
      else if (add) drafts.create(model(add.why))
      removals = removals.filter((one) => one !== superseded)
    }
    let ownDeletions = 0
    for (const { target, why } of removals) {
      const isAllowed = ownDeletions < MAX_DELETIONS_PER_FACT && deletions < MAX_DELETIONS
      if (!isAllowed || !remove(target, model(why))) continue
      ownDeletions++
      deletions++
    }
  }

  /** Supersedes a memory by the text of the model if that is safe, else by the text of the fact. */
  function replace(target: Candidate, proposed: string, change: Change): void {
    const stated = textOf(change)
    const draft = drafts.of(target)
    const text = chooseUpdatedText(proposed, stated, draft.text)
    if (text === null) {
      confirm(target, change)
    } else if (isOlder(change, draft) && !refinesOldText(text, draft.text, stated)) {
      confirmNewer(change, draft)
    } else {
      const { lastChange } = draft
      const original = draft.known?.text ?? draft.text
      // Two facts refine the same memory, and the second text does not contain the first fact.
      const isSplit =
        refinesOldText(text, original, stated) &&
        lastChange !== null &&
        !preservesFact(text, textOf(lastChange), original)
      if (isSplit && 'known' in target) drafts.split(draft, lastChange)
      drafts.update(draft, text, change)
    }
  }

  /** Records that a memory states the fact already, if that is still true. */
  function confirm(target: Candidate, change: Change): void {
    const text = textOf(change)
    const draft = drafts.of(target)
    const statesFact = () =>
      draft.lastChange === null ||
      containsFact(draft.text, text) ||
      preservesFact(draft.text, text, textOf(draft.lastChange))
    if (!draft.isDeleted && statesFact()) {
      drafts.confirm(draft, change)
    } else if ('known' in target) {
      // An earlier fact of the batch changed that memory; the last statement is that it holds again.
      drafts.restore(draft, target.known, change)
    } else {
      drafts.update(draft, text, change)
    }
  }

  /** Returns whether a memory was deleted, which counts towards the limits. */
  function remove(target: Candidate, change: Change): boolean {
    const draft = drafts.of(target)
    const isApplied = drafts.isApplied(change.fact)
    if (isApplied && (drafts.holds(change.fact, draft) || draft.isDeleted || isOlder(change, draft)))
      return false
    if (draft.isDeleted) drafts.confirm(draft, change)
    else if (isOlder(change, draft)) confirmNewer(change, draft)
    // Nothing is stored yet: the negation replaces the fact that it negates.
    else if (!isApplied && draft.known === null) replace(target, '', change)
    else {
      drafts.delete(draft, change)
      return true
    }
    return false
  }

  /** A fact that was said before the memory does not overrule it. */
  function confirmNewer({ fact }: Change, draft: MemoryDraft): void {
    drafts.confirm(draft, { fact, reason: 'said before the known memory, which is newer', decidedBy: 'rule' })
  }

  function isOlder({ fact }: Change, { known, lastChange }: MemoryDraft): boolean {
    return lastChange === null && known !== null && known.at > (facts[fact] as NewFact).at
  }

  function isPureNegation(fact: number, target: Candidate): boolean {
    const { text, eventDate } = facts[fact] as NewFact
    return eventDate === null && onlyNegates(text, drafts.of(target).text)
  }

  function textOf({ fact }: Change): string {
    return (facts[fact] as NewFact).text
  }
}
