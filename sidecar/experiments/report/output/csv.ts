import type { Estimate, Report } from '../schema.ts'
import { rowsOf } from './rows.ts'

const HEADER = ['section', 'arm', 'name', 'value', 'low', 'high', 'n', 'note']
type Cell = string | number | null

/** The report as one table, with a row for each number: easy to filter in a spreadsheet. RFC 4180. */
export function toCsv(report: Report): string {
  const row = (section: string, arm: string, name: string, estimate: Estimate, n: Cell = null, note = '') => [
    section,
    arm,
    name,
    estimate.value,
    estimate.low,
    estimate.high,
    n,
    note,
  ]
  const exact = (value: number | null): Estimate => ({ value, low: null, high: null })
  const rows: Cell[][] = [
    HEADER,
    row(
      'conclusion',
      report.conclusion.arm ?? '',
      report.conclusion.kind,
      exact(null),
      report.units,
      report.conclusion.sentence,
    ),
    ...report.warnings.map((warning) => row('warning', '', '', exact(null), null, warning)),
    ...report.arms.flatMap((arm) => [
      row('arm', arm.name, 'units', exact(arm.units)),
      row('arm', arm.name, 'turns', exact(arm.turns)),
      ...rowsOf(arm).map(({ label, estimate }) => row('arm', arm.name, label, estimate)),
      ...arm.cache.results.map(({ result, reason, share, turns }) =>
        row('cache', arm.name, `${result}.${reason}`, exact(share), turns),
      ),
      ...arm.shadow.flatMap(({ arm: other, turns, ...means }) =>
        Object.entries(means).map(([name, mean]) =>
          row('shadow', arm.name, `${name} with ${other}`, exact(mean), turns),
        ),
      ),
      ...arm.overlap_by_age.map(({ age, overlap, turns }) =>
        row('overlap_by_age', arm.name, String(age), exact(overlap), turns),
      ),
      ...arm.latency_ms.histogram.map(({ from, to, turns }) =>
        row('latency_histogram', arm.name, '', { value: turns, low: from, high: to }, turns),
      ),
    ]),
    ...report.differences.flatMap((difference) => [
      row(
        'difference',
        difference.arm,
        difference.metric,
        difference,
        difference.units.arm,
        noteOf(difference),
      ),
      row(
        'relative_difference',
        difference.arm,
        difference.metric,
        difference.relative,
        difference.units.arm,
        noteOf(difference),
      ),
    ]),
    ...report.sample_ratio.arms.map(({ arm, units, share, expected_share }) =>
      row('sample_ratio', arm, 'share', exact(share), units, `expected ${expected_share}`),
    ),
    row(
      'sample_ratio',
      '',
      'p_value',
      exact(report.sample_ratio.p_value),
      null,
      report.sample_ratio.is_alarm ? 'alarm' : '',
    ),
    ...report.series.flatMap(({ at, units, differences }) =>
      differences.map(({ arm, ...interval }) => row('series', arm, at, interval, units)),
    ),
  ]
  return `${rows.map((cells) => cells.map(toCell).join(',')).join('\r\n')}\r\n`
}

function noteOf({ role, status, verdict, confidence }: Report['differences'][number]): string {
  return `${role}; ${status}; ${verdict}; confidence ${Number(confidence.toFixed(6))}`
}

function toCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  // A name that starts like a formula must not run in a spreadsheet.
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
