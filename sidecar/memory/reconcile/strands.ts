import { normaliseForDuplicate } from '../model/verbatim.ts'
import type { Candidate } from './plan.ts'
import type { DecidedBy, Decision, Known, NewFact } from './types.ts'

/** One memory on its way through the batch: known before it, or begun in it. */
export interface Strand {
  readonly known: Known | null
  text: string
  /** It no longer holds. */
  ended: boolean
  /** The last change of this batch. */
  by: Change | null
}

export interface Change {
  fact: number
  reason: string
  decidedBy: DecidedBy
}

/**
 * The memories that a batch touches, as its facts change them one after the other. A strand has one last change,
 * so no memory gets two conflicting decisions, and the later fact wins; the fact whose change is lost is told.
 */
export class Strands {
  readonly #facts: readonly NewFact[]
  readonly #all: Strand[] = []
  readonly #ofKnown = new Map<string, Strand>()
  /** Where the content of a fact went. */
  readonly #home = new Map<number, Strand>()
  readonly #overtaken = new Map<number, Change>()
  readonly #agreed = new Map<number, { strand: Strand; like: number | null; change: Change }>()

  constructor(facts: readonly NewFact[]) {
    this.#facts = facts
  }

  of(candidate: Candidate): Strand {
    if ('earlier' in candidate) {
      const { earlier } = candidate
      return (this.#agreed.get(earlier)?.strand ?? this.#home.get(earlier)) as Strand
    }
    const { known } = candidate
    const strand = this.#ofKnown.get(known.id) ?? { known, text: known.text, ended: false, by: null }
    if (!this.#ofKnown.has(known.id)) this.#all.push(strand)
    this.#ofKnown.set(known.id, strand)
    return strand
  }

  isHome(fact: number, strand: Strand): boolean {
    return this.#home.get(fact) === strand
  }

  /** Whether a strand is where the fact is kept, or what says it already. */
  holds(fact: number, strand: Strand): boolean {
    return this.isHome(fact, strand) || this.#agreed.get(fact)?.strand === strand
  }

  /** Whether anything has become of a fact. */
  isPlaced(fact: number): boolean {
    return this.#home.has(fact) || this.#agreed.has(fact)
  }

  /** A memory of the fact's own. */
  begin(change: Change): void {
    const { text } = this.#facts[change.fact] as NewFact
    const strand = { known: null, text, ended: false, by: change }
    this.#all.push(strand)
    this.#home.set(change.fact, strand)
  }

  update(strand: Strand, text: string, change: Change): void {
    this.#takeOver(strand, change)
    Object.assign(strand, { text, ended: false, by: change })
    this.#home.set(change.fact, strand)
  }

  end(strand: Strand, change: Change): void {
    this.#takeOver(strand, change)
    Object.assign(strand, { ended: true, by: change })
    if (!this.isPlaced(change.fact)) this.#home.set(change.fact, strand)
  }

  /** The memory says the fact already. */
  agree(strand: Strand, change: Change): void {
    this.#agreed.set(change.fact, { strand, like: strand.by?.fact ?? null, change })
  }

  /** A known memory is again what it was before the batch. */
  restore(strand: Strand, change: Change): void {
    this.#takeOver(strand, change)
    Object.assign(strand, { text: strand.known?.text ?? strand.text, ended: false, by: null })
  }

  /** The fact that last changed a known memory gets a memory of its own instead. */
  split(strand: Strand): void {
    const { by } = strand
    if (by) this.begin({ ...by, reason: `${by.reason}; kept apart from a later change` })
    Object.assign(strand, { text: strand.known?.text ?? strand.text, ended: false, by: null })
  }

  /** `again`: facts said again later, with the fact that stands for them. */
  decisions(again: ReadonlyMap<number, number>): Decision[] {
    const made = this.#facts.map((_, fact) => this.#of(fact))
    for (const [fact, sameAs] of again) {
      const stands = made[sameAs]?.find((one) => one.event === 'UPDATE' || one.event === 'NOOP')
      const target = stands && 'target' in stands ? stands.target : null
      made[fact] = [
        { event: 'NOOP', fact, target, sameAs, reason: 'said again later in the batch', decidedBy: 'rule' },
      ]
    }
    return made.flat()
  }

  #of(fact: number): Decision[] {
    const decisions: Decision[] = []
    const agreed = this.#agreed.get(fact)
    if (agreed) {
      const { strand, like, change } = agreed
      const target = strand.known?.id ?? null
      const same = target === null && like !== null ? { sameAs: like } : {}
      decisions.push({ event: 'NOOP', target, ...same, ...change })
    }
    const overtaken = this.#overtaken.get(fact)
    if (overtaken) {
      const { fact: overtakenBy, decidedBy } = overtaken
      const reason = `overtaken in the same batch: ${overtaken.reason}`
      decisions.push({ event: 'NOOP', fact, target: null, overtakenBy, reason, decidedBy })
    }
    const changed = this.#all.filter(({ by }) => by?.fact === fact)
    // What a fact puts in comes before what it takes out.
    changed.sort((a, b) => Number(a.ended) - Number(b.ended))
    for (const strand of changed) decisions.push(...this.#changeOf(strand, strand.by as Change))
    return decisions
  }

  #changeOf({ known, text, ended }: Strand, change: Change): Decision[] {
    if (known === null) {
      const joined = text === this.#facts[change.fact]?.text ? {} : { text }
      return ended ? [] : [{ event: 'ADD', ...joined, ...change }]
    }
    if (ended) return [{ event: 'DELETE', target: known.id, ...change }]
    const same = normaliseForDuplicate(text) === normaliseForDuplicate(known.text)
    return same
      ? [{ event: 'NOOP', target: known.id, ...change }]
      : [{ event: 'UPDATE', target: known.id, text, ...change }]
  }

  #takeOver(strand: Strand, change: Change): void {
    const { by } = strand
    if (by === null || by.fact === change.fact || !this.isHome(by.fact, strand)) return
    this.#overtaken.set(by.fact, change)
  }
}
