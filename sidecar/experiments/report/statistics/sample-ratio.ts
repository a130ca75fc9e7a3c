/** Weight of the expected shares in the prediction of the next arm, in units. */
const PRIOR_UNITS = 100

/**
 * Sequential test of whether units are assigned with the expected shares: Lindon and Malek, "Anytime-valid inference for
 * multinomial count data" (2022). A Dirichlet-multinomial prediction of each unit's arm is divided by its expected share;
 * the product is a martingale when the shares are right, so that by Ville's inequality it exceeds 1/p with probability
 * p at most, however often it is looked at.
 */
export class SampleRatioTest {
  readonly #counts: Float64Array
  #units = 0
  #logEvidence = 0
  #maxLogEvidence = 0

  constructor(arms: number) {
    this.#counts = new Float64Array(arms)
  }

  /** Valid after every unit. */
  get pValue(): number {
    return Math.exp(-this.#maxLogEvidence)
  }

  /** @param expected shares of all arms at the time of the assignment */
  add(arm: number, expected: readonly number[]): void {
    const share = expected[arm] ?? 0
    const count = this.#counts[arm] ?? 0
    const predicted = (PRIOR_UNITS * share + count) / (PRIOR_UNITS + this.#units)
    this.#counts[arm] = count + 1
    this.#units++
    this.#logEvidence += Math.log(predicted / share)
    this.#maxLogEvidence = Math.max(this.#maxLogEvidence, this.#logEvidence)
  }

  /** Forgets the counts, not the evidence: the expected shares change. */
  restart(): void {
    this.#counts.fill(0)
    this.#units = 0
  }
}
