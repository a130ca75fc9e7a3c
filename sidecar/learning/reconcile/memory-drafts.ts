import { identityKey } from '../../text/identity.ts'
import type { Candidate } from './plan.ts'
import type { Change, Decision, KnownMemory, NewFact } from './types.ts'

/** The intended state of one memory while the facts of a batch are applied: an existing memory or a new one. */
export interface MemoryDraft {
  readonly known: KnownMemory | null
  text: string
  isDeleted: boolean
  /** The last change by this batch. */
  lastChange: Change | null
}

/**
 * The drafts of all memories that a batch changes. A draft keeps only its last change, so the later fact wins; the fact
 * whose change is lost gets a NOOP with `supersededBy`.
 */
export class MemoryDrafts {
  readonly #facts: readonly NewFact[]
  readonly #all: MemoryDraft[] = []
  /** Fact → the draft that holds its content. */
  readonly #byFact = new Map<number, MemoryDraft>()
  readonly #superseded = new Map<number, Change>()
  /** Fact → the draft that stated it already. */
  readonly #confirmed = new Map<number, { draft: MemoryDraft; sameAs: number | null; change: Change }>()

  constructor(facts: readonly NewFact[]) {
    this.#facts = facts
  }

  of(candidate: Candidate): MemoryDraft {
    if ('earlier' in candidate) {
      const { earlier } = candidate
      return (this.#confirmed.get(earlier)?.draft ?? this.#byFact.get(earlier)) as MemoryDraft
    }
    const { known } = candidate
    const existing = this.#all.find((draft) => draft.known?.id === known.id)
    if (existing) return existing
    const draft: MemoryDraft = { known, text: known.text, isDeleted: false, lastChange: null }
    this.#all.push(draft)
    return draft
  }

  /** Whether a draft holds the content of the fact or stated it already. */
  holds(fact: number, draft: MemoryDraft): boolean {
    return this.#byFact.get(fact) === draft || this.#confirmed.get(fact)?.draft === draft
  }

  isApplied(fact: number): boolean {
    return this.#byFact.has(fact) || this.#confirmed.has(fact)
  }

  /** Creates a new memory for the fact. */
  create(change: Change): void {
    const { text } = this.#facts[change.fact] as NewFact
    const draft = { known: null, text, isDeleted: false, lastChange: change }
    this.#all.push(draft)
    this.#byFact.set(change.fact, draft)
  }

  update(draft: MemoryDraft, text: string, change: Change): void {
    this.#supersede(draft, change)
    Object.assign(draft, { text, isDeleted: false, lastChange: change })
    this.#byFact.set(change.fact, draft)
  }

  delete(draft: MemoryDraft, change: Change): void {
    this.#supersede(draft, change)
    Object.assign(draft, { isDeleted: true, lastChange: change })
    if (!this.isApplied(change.fact)) this.#byFact.set(change.fact, draft)
  }

  /** Records that the memory states the fact already. */
  confirm(draft: MemoryDraft, change: Change): void {
    this.#confirmed.set(change.fact, { draft, sameAs: draft.lastChange?.fact ?? null, change })
  }

  /** Reverts an existing memory to its state before the batch and records that it states the fact. */
  restore(draft: MemoryDraft, known: KnownMemory, change: Change): void {
    this.#supersede(draft, change)
    Object.assign(draft, { text: known.text, isDeleted: false, lastChange: null })
    this.confirm(draft, change)
  }

  /** Moves the last change of an existing memory into a new memory of its fact; an update of the memory follows. */
  split(draft: MemoryDraft, { fact, reason, decidedBy }: Change): void {
    this.create({ fact, reason: `${reason}; kept apart from a later change`, decidedBy })
    draft.lastChange = null
  }

  /** `duplicates`: facts that are repeated later → the fact that represents them. */
  decisions(duplicates: ReadonlyMap<number, number>): Decision[] {
    const decisions = this.#facts.map((_, fact) => this.#decisionsOf(fact))
    for (const [fact, sameAs] of duplicates) {
      const kept = decisions[sameAs]?.find((one) => one.event === 'UPDATE' || one.event === 'NOOP')
      const target = kept && 'target' in kept ? kept.target : null
      decisions[fact] = [
        { event: 'NOOP', fact, target, sameAs, reason: 'repeated later in the batch', decidedBy: 'rule' },
      ]
    }
    return decisions.flat()
  }

  #decisionsOf(fact: number): Decision[] {
    const decisions: Decision[] = []
    const confirmed = this.#confirmed.get(fact)
    if (confirmed) {
      const { draft, sameAs, change } = confirmed
      const target = draft.known?.id ?? null
      const same = target === null && sameAs !== null ? { sameAs } : {}
      decisions.push({ event: 'NOOP', target, ...same, ...change })
    }
    const superseding = this.#superseded.get(fact)
    if (superseding) {
      const { fact: supersededBy, decidedBy } = superseding
      const reason = `superseded in the same batch: ${superseding.reason}`
      decisions.push({ event: 'NOOP', fact, target: null, supersededBy, reason, decidedBy })
    }
    const changed = this.#all.filter(({ lastChange }) => lastChange?.fact === fact)
    // Additions and updates precede deletions.
    changed.sort((a, b) => Number(a.isDeleted) - Number(b.isDeleted))
    return [...decisions, ...changed.flatMap((draft) => this.#decisionFor(draft) ?? [])]
  }

  #decisionFor({ known, text, isDeleted, lastChange }: MemoryDraft): Decision | undefined {
    const change = lastChange as Change
    if (known === null) {
      if (isDeleted) return undefined
      const stated = this.#facts[change.fact]?.text
      return { event: 'ADD', ...(text === stated ? {} : { text }), ...change }
    }
    if (isDeleted) return { event: 'DELETE', target: known.id, ...change }
    const isSame = identityKey(text) === identityKey(known.text)
    if (isSame) return { event: 'NOOP', target: known.id, ...change }
    return { event: 'UPDATE', target: known.id, text, ...change }
  }

  #supersede(draft: MemoryDraft, change: Change): void {
    const { lastChange } = draft
    if (lastChange === null || lastChange.fact === change.fact) return
    if (this.#byFact.get(lastChange.fact) === draft) this.#superseded.set(lastChange.fact, change)
  }
}
