import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { experimentOf, type UnitParts, unitOf } from '../../../../bench/experiment/random-units.ts'
import type { UnitSummary } from '../../../../sidecar/experiments/model.ts'
import { toCsv } from '../../../../sidecar/experiments/report/output/csv.ts'
import { toMarkdown } from '../../../../sidecar/experiments/report/output/markdown.ts'
import { createReport } from '../../../../sidecar/experiments/report/report.ts'
import { report as reportSchema } from '../../../../sidecar/experiments/report/schema.ts'

/** Units alternate between arms `a` and `b`; `parts` gives the rest of the unit `i` of an arm. */
function unitsOf(count: number, parts: (arm: string, i: number) => Omit<UnitParts, 'arm'>): UnitSummary[] {
  return Array.from({ length: count }, (_, i) => {
    const arm = i % 2 === 0 ? 'a' : 'b'
    return unitOf({ arm, at: i * 60_000, ...parts(arm, Math.floor(i / 2)) })
  })
}

/** One rating; `likes` of ten units have a like. */
const rating = (i: number, likes: number) => ({ thumbs: { y: (i * 7) % 10 < likes ? 1 : 0, n: 1 } })

const conclusionOf = (units: UnitSummary[], options = {}) =>
  createReport(experimentOf(), units, options).conclusion

describe('the conclusion', () => {
  it('names the cheaper arm, the largest difference of the outcome, the confidence and the units', () => {
    const units = unitsOf(8000, (arm, i) => ({
      outcomes: rating(i, 8),
      tokens: (arm === 'a' ? 1000 : 690) + (i % 11),
    }))
    expect(conclusionOf(units)).toEqual({
      kind: 'cheaper',
      arm: 'b',
      sentence:
        'Use `b`: it is 31 % cheaper, and `thumbs` differs by at most 3.1 points, with 95 % confidence after 8,000 conversations.',
    })
  })

  it('keeps the baseline when the other arm is more expensive and not better', () => {
    const units = unitsOf(8000, (arm, i) => ({ outcomes: rating(i, 8), tokens: arm === 'a' ? 690 : 1000 }))
    expect(conclusionOf(units)).toEqual({
      kind: 'keep_baseline',
      arm: 'a',
      sentence:
        'Keep `a`: `b` is 45 % more expensive, and `thumbs` differs by at most 3.1 points, with 95 % confidence after 8,000 conversations.',
    })
  })

  it('names the better arm, its price, and the interval', () => {
    const units = unitsOf(1000, (arm, i) => ({
      outcomes: rating(i, arm === 'a' ? 5 : 8),
      tokens: arm === 'a' ? 500 : 600,
    }))
    expect(conclusionOf(units)).toEqual({
      kind: 'better',
      arm: 'b',
      sentence:
        'Use `b`: `thumbs` is 30 points higher (21 to 39) than for `a`, but `b` is 20 % more expensive, with 95 % confidence after 1,000 conversations.',
    })
  })

  it('states the loss when an arm is cheaper and worse', () => {
    const units = unitsOf(1000, (arm, i) => ({
      outcomes: rating(i, arm === 'a' ? 8 : 5),
      tokens: arm === 'a' ? 500 : 400,
    }))
    const { kind, arm, sentence } = conclusionOf(units)
    expect({ kind, arm }).toEqual({ kind: 'trade_off', arm: 'a' })
    expect(sentence).toMatch(
      /^Keep `a` unless the saving is worth it: `b` is 20 % cheaper, but its `thumbs` is 30 points lower/,
    )
  })

  it('keeps the baseline when the other arm is worse and not cheaper', () => {
    const units = unitsOf(1000, (arm, i) => ({ outcomes: rating(i, arm === 'a' ? 8 : 5), tokens: 500 }))
    expect(conclusionOf(units)).toMatchObject({ kind: 'keep_baseline', arm: 'a' })
  })

  it('treats a higher rate of regenerated answers as worse', () => {
    const experiment = experimentOf([1, 1], { outcome: 'regenerated' })
    const units = unitsOf(1000, (arm, i) => ({
      outcomes: { regenerated: { y: (i * 7) % 10 < (arm === 'a' ? 2 : 6) ? 1 : 0, n: 1 } },
    }))
    const { conclusion, differences } = createReport(experiment, units)
    expect(conclusion).toMatchObject({ kind: 'keep_baseline', arm: 'a' })
    expect(differences[0]).toMatchObject({ is_higher_better: false, verdict: 'worse' })
  })

  it('says that nothing differs when the intervals of outcome and cost are narrow', () => {
    const units = unitsOf(8000, (_, i) => ({ outcomes: rating(i, 8), tokens: 500 + (i % 11) }))
    const { kind, sentence } = conclusionOf(units)
    expect(kind).toBe('no_difference')
    expect(sentence).toMatch(
      /^Keep `a`, or use `b`: `thumbs` differs by at most 3\.1 points, and the billed tokens differ by at most 0\.1 %, with 95 % confidence after 8,000 conversations\.$/,
    )
  })

  it('continues, and states how many units the margin needs, while the interval is wide', () => {
    const units = unitsOf(400, (_, i) => ({ outcomes: rating(i, 8), tokens: 500 }))
    const { kind, arm, sentence } = conclusionOf(units)
    expect({ kind, arm }).toEqual({ kind: 'undecided', arm: null })
    expect(sentence).toMatch(
      /^Continue: `thumbs` for `b` is between \d+ points lower and \d+ points higher than for `a`, with 95 % confidence after 400 conversations\. This many conversations find a difference of \d+ points in 80 % of all experiments; a difference of 5 points takes about \d,\d+ conversations with `thumbs` in the two arms\.$/,
    )
  })

  it('continues while the cost is unclear, although the outcome is not', () => {
    const units = unitsOf(8000, (_, i) => ({ outcomes: rating(i, 8), tokens: i % 50 === 0 ? 9000 : 10 }))
    expect(conclusionOf(units).sentence).toMatch(
      /^Continue: .* The billed tokens differ by -\d+ % to \+\d+ %\. This many conversations find a difference of 3.8 points in/,
    )
  })

  it('is too early below the minimum number of units with the outcome', () => {
    const units = unitsOf(1000, (arm, i) => ({ outcomes: arm === 'b' && i >= 12 ? {} : rating(i, 8) }))
    expect(conclusionOf(units)).toEqual({
      kind: 'too_early',
      arm: null,
      sentence: 'Too early: `thumbs` is known for 12 conversations of `b`; each arm needs 30.',
    })
  })

  it('states the saving, and that nothing is known about answers, without the outcome', () => {
    const units = unitsOf(400, (arm, i) => ({ tokens: (arm === 'a' ? 1000 : 690) + (i % 11) }))
    const { kind, sentence } = conclusionOf(units)
    expect(kind).toBe('no_outcome')
    expect(sentence).toMatch(
      /^No `thumbs` is recorded yet .* Known so far: `b` is 31 % cheaper with 95 % confidence\.$/,
    )
  })

  it('rejects the results when units are missing from an arm', () => {
    const units = unitsOf(4000, (_, i) => ({ outcomes: rating(i, 8) })).filter(
      (_, i) => i % 2 === 0 || i % 5 !== 0,
    )
    const report = createReport(experimentOf(), units)
    expect(report.sample_ratio).toMatchObject({ is_alarm: true, alarm_at: expect.any(String) })
    expect(report.conclusion.kind).toBe('sample_ratio')
    expect(report.conclusion.sentence).toMatch(
      /^Do not use these results: `a` got 56 % of 3,600 conversations instead of 50 %/,
    )
  })

  it('leaves out an arm with too few units and decides between the others', () => {
    const units = unitsOf(8000, (arm, i) => ({ outcomes: rating(i, 8), tokens: arm === 'a' ? 1000 : 690 }))
    const few = Array.from({ length: 8 }, (_, i) =>
      unitOf({ arm: 'c', at: i * 6e7, outcomes: rating(i, 1), tokens: 1 }),
    )
    const report = createReport(experimentOf([1000, 1000, 2]), [...units, ...few])
    expect(report.conclusion).toMatchObject({ kind: 'cheaper', arm: 'b' })
    expect(report.warnings).toEqual(['The conclusion leaves out `c`: too few conversations with `thumbs`.'])
  })
})

describe('a report', () => {
  it('gives the deciding outcome and the cost an error rate of 5 % together, and all others a second one', () => {
    const units = unitsOf(200, (_, i) => ({ outcomes: { ...rating(i, 8), grounded: { y: i % 2, n: 1 } } }))
    const { differences } = createReport(experimentOf([1, 1, 1]), units)
    expect(
      differences
        .filter(({ arm }) => arm === 'b')
        .map(({ metric, role, confidence }) => [metric, role, confidence]),
    ).toEqual([
      ['thumbs', 'primary', 1 - 0.05 / 4],
      ['billed_tokens', 'cost', 1 - 0.05 / 4],
      ['tokens', 'secondary', expect.closeTo(1 - 0.05 / 6)],
      ['latency_ms', 'secondary', expect.closeTo(1 - 0.05 / 6)],
      ['grounded', 'secondary', expect.closeTo(1 - 0.05 / 6)],
    ])
  })

  it('expects the weights that were in force when each unit was assigned', () => {
    const [minute, count] = [60_000, 2000]
    // Halves, then nine in ten to `a`.
    const units = Array.from({ length: count }, (_, i) =>
      unitOf({ arm: i < 1000 ? 'ab'.charAt(i % 2) : i % 10 === 0 ? 'b' : 'a', at: i * minute }),
    )
    const changes = [
      { at: 0, weights: { a: 1, b: 1 } },
      { at: 1000 * minute, weights: { a: 9, b: 1 } },
    ]
    const known = createReport(experimentOf([9, 1], { weight_changes: changes }), units)
    expect(known.sample_ratio.is_alarm).toBe(false)
    expect(known.sample_ratio.arms.map(({ units: n, expected }) => [n, Math.round(expected)])).toEqual([
      [1400, 1400],
      [600, 600],
    ])
    expect(known.warnings[0]).toMatch(/^Weights changed during the experiment/)
    expect(createReport(experimentOf([9, 1]), units).sample_ratio.is_alarm).toBe(true)
  })

  it('has a series of at most 100 points in the order of assignment, which ends with the present difference', () => {
    const units = unitsOf(1234, (arm, i) => ({ outcomes: rating(i, arm === 'a' ? 8 : 6) }))
    const report = createReport(experimentOf(), units.toReversed())
    const { series, differences } = report
    expect(series.length).toBeLessThanOrEqual(100)
    expect(series.length).toBeGreaterThan(90)
    expect(series.map(({ units: n }) => n)).toEqual(series.map(({ units: n }) => n).toSorted((a, b) => a - b))
    expect(series[0]?.differences).toEqual([{ arm: 'b', value: expect.any(Number), low: null, high: null }])
    const { arm, value, low, high } = differences[0] ?? {}
    expect(series.at(-1)).toEqual({
      at: new Date(1233 * 60_000).toISOString(),
      units: 1234,
      differences: [{ arm, value, low, high }],
    })
    expect(createReport(experimentOf(), units)).toEqual(report)
  })

  it('prices billed tokens per turn', () => {
    const units = unitsOf(100, (_, i) => ({ turns: 2, tokens: 2000 + i, billedTokens: 1000 }))
    const { arms } = createReport(experimentOf(), units, { pricePerMillionTokens: 2 })
    expect(arms[0]?.cost_per_turn).toEqual({ value: 0.001, low: 0.001, high: 0.001 })
    expect(createReport(experimentOf(), units).arms[0]?.cost_per_turn).toBeNull()
  })

  it('rejects an option outside its range', () => {
    expect(() => createReport(experimentOf(), [], { confidence: 95 })).toThrow(
      'confidence: expected a number from 0.5 to 0.9999, got 95',
    )
  })
})

describe('input without enough information', () => {
  const rated = (arm: string, i: number) =>
    unitOf({ arm, at: i, outcomes: rating(i, 8), milliseconds: [5, 9] })

  it.each<[string, UnitSummary[], string]>([
    ['no units', [], 'no_units'],
    ['one unit', [rated('a', 0)], 'no_units'],
    ['an arm without units', Array.from({ length: 5 }, (_, i) => rated('a', i)), 'no_units'],
    ['one unit per arm', [rated('a', 0), rated('b', 1)], 'too_early'],
    [
      'outcomes in one arm only',
      unitsOf(200, (arm, i) => (arm === 'a' ? { outcomes: rating(i, 5) } : {})),
      'too_early',
    ],
    [
      'constant outcomes within 0…1',
      unitsOf(200, () => ({ outcomes: { thumbs: { y: 1, n: 1 } } })),
      'no_difference',
    ],
    ['constant outcomes', unitsOf(200, () => ({ outcomes: { thumbs: { y: 7, n: 1 } } })), 'undecided'],
    ['units without turns', unitsOf(200, () => ({ turns: 0 })), 'no_outcome'],
    [
      'outcomes that are not numbers',
      unitsOf(200, () => ({ outcomes: { thumbs: { y: Number.NaN, n: 1 } } })),
      'too_early',
    ],
  ])('is reported without NaN: %s', (_, units, kind) => {
    const report = createReport(experimentOf(), units)
    expect(reportSchema.parse(report)).toEqual(report)
    expect(report.conclusion.kind).toBe(kind)
    expect(toMarkdown(report) + toCsv(report)).not.toMatch(/NaN|Infinity|undefined|null/)
  })

  it('fits the schema for any numbers', () => {
    const value = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(0, 1, -1, 1e300, 1e-300))
    const unit = fc.record({
      arm: fc.constantFrom('a', 'b', 'unknown'),
      at: fc.nat(),
      turns: fc.nat(20),
      outcomes: fc.dictionary(fc.constantFrom('thumbs', 'other'), fc.record({ y: value, n: fc.nat(3) })),
      tokens: value,
      milliseconds: fc.array(value, { maxLength: 5 }),
      cache: fc.dictionary(fc.constantFrom('hit.window', 'miss.turns', 'none', ''), fc.nat(9)),
    })
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), (parts) => {
        const report = createReport(experimentOf(), parts.map(unitOf), { minimumUnits: 2 })
        expect(reportSchema.parse(report)).toEqual(report)
        expect(toMarkdown(report) + toCsv(report)).not.toMatch(/NaN|Infinity|undefined/)
      }),
      { numRuns: 100 },
    )
  })
})
