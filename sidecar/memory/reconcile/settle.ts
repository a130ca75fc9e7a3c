import { alreadySays, keeps, onlyDenies, refines } from './content.ts'
import { newText } from './new-text.ts'
import type { Candidate, Verdict } from './plan.ts'
import type { Item } from './read-decisions.ts'
import type { Rules } from './rules.ts'
import { type Change, type Strand, Strands } from './strands.ts'
import type { Decision, NewFact, Rejection } from './types.ts'

/** Carries out what rules and model decided, fact by fact in the order said, as far as it is safe. */
export function settle(
  facts: readonly NewFact[],
  verdicts: readonly Verdict[],
  items: ReadonlyMap<number, readonly Item[]>,
  rules: Rules,
): { decisions: Decision[]; rejected: Rejection[] } {
  const strands = new Strands(facts)
  const rejected: Rejection[] = []
  const again = new Map<number, number>()
  let deletes = 0

  for (const [fact, verdict] of verdicts.entries()) {
    const byRule = (reason: string): Change => ({ fact, reason, decidedBy: 'rule' })
    if (verdict.kind === 'again') again.set(fact, verdict.by)
    else if (verdict.kind === 'add') strands.begin(byRule(verdict.reason))
    else if (verdict.kind === 'known') agree(verdict, byRule('said before in the same words'))
    else {
      carryOut(fact, items.get(fact) ?? [])
      if (!strands.isPlaced(fact)) strands.begin(byRule('no decision of the model could be used'))
    }
  }
  return { decisions: strands.decisions(again), rejected }

  function carryOut(fact: number, decided: readonly Item[]): void {
    const update = decided.find((item) => item.action === 'UPDATE')
    const add = decided.find((item) => item.action === 'ADD')
    const noop = decided.find((item) => item.action === 'NOOP')
    const main = update ?? add ?? noop
    for (const item of decided) {
      if (item !== main && item.action !== 'DELETE')
        reject(fact, item.action, `does not go with ${main?.action}`)
    }
    let removals = decided.filter((item) => item.action === 'DELETE')
    if (update) replace(fact, update.target, update.text, update.why)
    else if (!add && noop) agree(noop.target, { fact, reason: noop.why, decidedBy: 'model' })
    else {
      // A bare DELETE would lose what the fact itself says: it supersedes the memory instead.
      const superseded = removals.find((item) => add !== undefined || !deniesOnly(fact, item.target))
      if (superseded) replace(fact, superseded.target, '', superseded.why)
      else if (add) strands.begin({ fact, reason: add.why, decidedBy: 'model' })
      removals = removals.filter((item) => item !== superseded)
    }
    let own = 0
    for (const { target, why } of removals) {
      const most = own < rules.maxDeletesPerFact && deletes < rules.maxDeletes
      if (!most) reject(fact, 'DELETE', 'more than one fact or one batch may delete')
      else if (remove(fact, target, why)) {
        own++
        deletes++
      }
    }
  }

  /** Supersedes a memory by what the model wrote, if that is sound, else by the fact. */
  function replace(fact: number, target: Candidate, proposed: string, why: string): void {
    const { text: said } = facts[fact] as NewFact
    const strand = strandOf(target)
    const change: Change = { fact, reason: why, decidedBy: 'model' }
    const original = strand.known?.text ?? strand.text
    const { text, refused } = newText({ proposed, fact: said, old: strand.text })
    if (refused !== undefined) reject(fact, 'UPDATE', `its text ${refused}`)
    if (text === null) {
      agree(target, change)
    } else if (isOlder(fact, strand) && !refines(text, strand.text, said)) {
      outdated(fact, strand)
    } else {
      const before = factBehind(strand)
      // Two facts complete one memory, and the second text knows nothing of the first fact.
      const apart = before !== null && refines(text, original, said) && !keeps(text, before, original)
      if (apart && 'known' in target) strands.split(strand)
      strands.update(strand, text, change)
    }
  }

  /** Notes that a memory says the fact already, as far as it still does. */
  function agree(target: Candidate, change: Change): void {
    const { text } = facts[change.fact] as NewFact
    const strand = strandOf(target)
    const before = factBehind(strand)
    const says = () => before === null || alreadySays(strand.text, text) || keeps(strand.text, text, before)
    if (!strand.ended && says()) {
      strands.agree(strand, change)
    } else if ('known' in target) {
      // The batch has changed that memory since it was so: what was said last is true again.
      strands.restore(strand, change)
      strands.agree(strand, change)
    } else {
      strands.update(strand, text, change)
    }
  }

  /** Whether a memory was taken out, and so counts. */
  function remove(fact: number, target: Candidate, why: string): boolean {
    const strand = strandOf(target)
    const change: Change = { fact, reason: why, decidedBy: 'model' }
    if (strands.isPlaced(fact)) {
      if (strands.holds(fact, strand)) return reject(fact, 'DELETE', 'would delete what holds the fact')
      if (strand.ended) return reject(fact, 'DELETE', 'ended already')
      if (isOlder(fact, strand)) return reject(fact, 'DELETE', 'said before what is known')
    } else if (strand.ended) {
      strands.agree(strand, change)
      return false
    } else if (isOlder(fact, strand)) {
      outdated(fact, strand)
      return false
    } else if (strand.known === null) {
      // There is nothing stored to delete: the denial takes the place of what it denies.
      replace(fact, target, '', why)
      return false
    }
    strands.end(strand, change)
    return true
  }

  /** An older fact, read late, does not overrule what was said after it. */
  function outdated(fact: number, strand: Strand): void {
    strands.agree(strand, { fact, reason: 'said before what is known, which is truer', decidedBy: 'rule' })
  }

  /** The fact that changed a memory before, and whose content it holds. */
  function factBehind({ by }: Strand): string | null {
    return by === null ? null : (facts[by.fact]?.text ?? null)
  }

  function isOlder(fact: number, { known, by }: Strand): boolean {
    return by === null && known !== null && known.at > (facts[fact] as NewFact).at
  }

  function deniesOnly(fact: number, target: Candidate): boolean {
    const { text, eventDate } = facts[fact] as NewFact
    return eventDate === null && onlyDenies(text, strandOf(target).text)
  }

  function strandOf(target: Candidate): Strand {
    return strands.of(target)
  }

  function reject(fact: number, action: Item['action'], why: string): false {
    rejected.push({ what: `facts[${fact}] ${action}`, why })
    return false
  }
}
