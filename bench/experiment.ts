/*
 * npm run bench -- experiment [--runs 2000] [--units 500] [--report-units 100000]
 *
 * The statistics of an experiment's report against simulated experiments whose truth is known, and the CPU time of a
 * report.
 */

import { createReport } from '../sidecar/experiments/report/report.ts'
import { shareEstimate } from '../sidecar/experiments/report/statistics/intervals.ts'
import { RatioSums } from '../sidecar/experiments/report/statistics/ratio.ts'
import {
  clustered,
  clusteredEvents,
  type Draw,
  event,
  experimentOf,
  latencies,
  type Random,
  skewed,
  unitOf,
} from './experiment/random-units.ts'
import {
  coverage,
  plannedEffect,
  randomLatencies,
  shareOfFindings,
  shareOfRatioAlarms,
} from './experiment/simulate.ts'
import { seededRandom } from './lib/generated-facts.ts'
import { readOptions } from './lib/options.ts'
import { table } from './lib/table.ts'

const options = readOptions({ runs: 2000, units: 500, 'report-units': 100_000 })
const { runs, units } = options
const random: Random = seededRandom(1)
const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const EQUAL: readonly [name: string, outcome: Draw, tokens: Draw, shares: readonly number[]][] = [
  ['events, 80 %; skewed tokens', event(0.8), skewed(1), [0.5, 0.5]],
  ['events, 2 %', event(0.02), skewed(1), [0.5, 0.5]],
  ['events, 2 %, arms 90/10', event(0.02), skewed(1), [0.9, 0.1]],
  ['dependent ratings, 1 to 40 per unit', clusteredEvents, clustered, [0.5, 0.5]],
  ['10 turns per unit, correlation 0.5', clustered, clustered, [0.5, 0.5]],
  ['log-normal, σ = 2', skewed(2), skewed(2), [0.5, 0.5]],
  ['10 turns per unit, four arms', clustered, clustered, [0.25, 0.25, 0.25, 0.25]],
]
console.log(
  `Equal arms: share of ${runs} experiments with a finding, one look after each of ${units} units\n`,
)
console.log(
  table([
    ['outcome', 'findings', 'at most'],
    ...EQUAL.map(([name, outcome, tokens, shares]) => [
      name,
      percent(shareOfFindings({ runs, units, random, outcome, tokens, shares })),
      '5 %',
    ]),
  ]),
)

console.log(`\nPlanted effect, as large as ${units} units are planned to find\n`)
const PLANTED: readonly [string, Draw, number][] = [
  ['events, 50 %', event(0.5), 0.25],
  ['10 turns per unit, correlation 0.5', clustered, 0.55],
]
console.log(
  table([
    ['outcome', 'effect', 'found', 'planned'],
    ...PLANTED.map(([name, outcome, variance]) => {
      const shift = plannedEffect(variance, units)
      return [
        name,
        shift.toFixed(3),
        percent(shareOfFindings({ runs, units, random, outcome, shift })),
        '80 %',
      ]
    }),
  ]),
)

console.log('\nSample ratio, planned as 50/50: share of the experiments with an alarm\n')
console.log(
  table([
    ['', '1,000 units', '2,000 units', '4,000 units'],
    ...[50, 52, 55].map((share) => [
      `${share}/${100 - share}`,
      ...[1000, 2000, 4000].map((n) => percent(shareOfRatioAlarms({ runs, units: n, random }, share / 100))),
    ]),
  ]),
)

console.log('\nIntervals of a single look, 95 %: share that contain the truth\n')
const quantileRow = (share: number, deviations: number, n: number) => [
  `p${share * 100} of latency, ${n} units of 10 turns`,
  percent(
    coverage(runs, 20 * Math.exp(0.7 * deviations), () => randomLatencies(n, random).quantile(share, 0.95)),
  ),
]
const shareRow = (probability: number, n: number) => [
  `events, ${probability * 100} %, ${n} units`,
  percent(
    coverage(runs, probability, () => {
      const sums = new RatioSums()
      for (let i = 0; i < n; i++) sums.add(random() < probability ? 1 : 0, 1)
      return shareEstimate(sums, 0.95)
    }),
  ),
]
console.log(
  table([
    ['', 'coverage'],
    quantileRow(0.5, 0, 200),
    quantileRow(0.95, 1.6448536269514722, 200),
    quantileRow(0.99, 2.3263478740408408, 500),
    shareRow(0.02, 300),
    shareRow(0.8, 100),
  ]),
)

const many = Array.from({ length: options['report-units'] }, (_, i) =>
  unitOf({
    arm: i % 2 === 0 ? 'a' : 'b',
    at: i * 1000,
    turns: 10,
    tokens: 3000 * random(),
    outcomes: { thumbs: clusteredEvents(random), repeated: event(0.02)(random) },
    milliseconds: latencies(random),
    cache: { 'hit.hit': 8, 'miss.turns': 2 },
  }),
)
const cpuMs = () => {
  const before = process.cpuUsage()
  createReport(experimentOf(), many)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
const times = Array.from({ length: 5 }, cpuMs).sort((a, b) => a - b)
console.log(
  `\nReport over ${many.length} units of 10 turns: ${times[2]?.toFixed(0)} ms of CPU (${times[0]?.toFixed(0)} to ${times.at(-1)?.toFixed(0)})`,
)
