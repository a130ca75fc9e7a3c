/** How a report is computed. */
export interface ReportOptions {
  /** Price of a million billed tokens; without it, costs are left out. */
  pricePerMillionTokens?: number
  /** Label of the price. Default `USD`. */
  currency?: string
  /** Confidence of everything that the conclusion says, taken together. Default 0.95. */
  confidence?: number
  /** Probability to find the minimum detectable effect. Default 0.8. */
  power?: number
  /** Units with a value that each arm needs before it is compared, at least 2. Default 30. */
  minimumUnits?: number
  /** Units of two arms for which the intervals of differences are narrowest. Default 1,000. */
  plannedUnits?: number
  /**
   * Loss of the deciding outcome that a cheaper arm may have at most, in the unit of the outcome. Default: 0.05 for
   * outcomes within 0…1, otherwise 5 % of the baseline's mean.
   */
  margin?: number
  /** Outcomes of which less is better. Default: `LOWER_IS_BETTER`. */
  lowerIsBetter?: readonly string[]
  /** Default: now. */
  now?: () => number
}

/** Of the outcomes that are derived from the conversation itself, those that mean that an answer was not good. */
export const LOWER_IS_BETTER: readonly string[] = ['regenerated', 'repeated_or_corrected', 'memory_corrected']

export interface Settings {
  pricePerMillionTokens: number | null
  currency: string
  confidence: number
  power: number
  minimumUnits: number
  plannedUnits: number
  margin: number | null
  lowerIsBetter: ReadonlySet<string>
}

/** @throws {RangeError} when an option is out of its range */
export function toSettings(options: ReportOptions): Settings {
  const { confidence = 0.95, power = 0.8, minimumUnits = 30, plannedUnits = 1000 } = options
  requireRange('confidence', confidence, 0.5, 0.9999)
  requireRange('power', power, 0.5, 0.9999)
  requireRange('minimumUnits', minimumUnits, 2, 1e9)
  requireRange('plannedUnits', plannedUnits, 2, 1e12)
  const { pricePerMillionTokens = null, margin = null } = options
  if (pricePerMillionTokens !== null) requireRange('pricePerMillionTokens', pricePerMillionTokens, 0, 1e12)
  if (margin !== null) requireRange('margin', margin, Number.MIN_VALUE, Number.MAX_VALUE)
  return {
    pricePerMillionTokens,
    currency: options.currency ?? 'USD',
    confidence,
    power,
    minimumUnits,
    plannedUnits,
    margin,
    lowerIsBetter: new Set(options.lowerIsBetter ?? LOWER_IS_BETTER),
  }
}

function requireRange(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return
  throw new RangeError(`${name}: expected a number from ${min} to ${max}, got ${value}`)
}
