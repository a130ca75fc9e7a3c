import type { ArmReport, Difference, Estimate, Report } from '../schema.ts'
import { code, formatInteger, formatNumber, formatPercent, formatUnits } from '../wording.ts'
import { markdownTable } from './markdown-table.ts'
import { cacheKeys, rowsOf } from './rows.ts'

/** The report for a person: the conclusion first, then what it is based on. */
export function toMarkdown(report: Report): string {
  const { arms, sample_ratio: ratio, settings } = report
  const sections = [
    `# Experiment \`${report.experiment}\``,
    `**${report.conclusion.sentence}**`,
    report.warnings.map((warning) => `- ${warning}`).join('\n'),
    `Status: ${report.status}. Unit: ${report.unit}. Deciding outcome: ${code(report.outcome)}. ${formatUnits(report.units, report.unit)}, ${formatUnits(report.turns, 'turn')}.`,
    '## Arms',
    `Means and quantiles with their ${formatPercent(settings.confidence)} interval for a single look.${settings.price_per_million_tokens === null ? '' : ` Costs in ${settings.currency}.`}`,
    markdownTable([
      ['', ...arms.map(({ name }) => `\`${name}\``)],
      ['strategy', ...arms.map(({ strategy }) => strategy)],
      ['units', ...arms.map(({ units }) => formatInteger(units))],
      ['turns', ...arms.map(({ turns }) => formatInteger(turns))],
      ...armRows(arms),
      ...cacheKeys(report).map(({ result, reason }) => [
        `${result}: ${reason}`,
        ...arms.map(({ cache }) => {
          const found = cache.results.find((row) => row.result === result && row.reason === reason)
          return formatPercent(found?.share ?? 0)
        }),
      ]),
    ]),
    `## Differences from \`${report.baseline}\``,
    'The intervals stay valid however often the report is read. Only the deciding outcome and the billed tokens decide; the other rows are hints.',
    markdownTable([
      ['metric', 'arm', 'difference', 'relative', 'confidence', 'verdict', 'detectable'],
      ...report.differences.map(differenceRow),
    ]),
    '## Sample ratio',
    `${ratio.is_alarm ? '**Alarm**: the arms do not have the shares of their weights.' : 'No alarm.'} p = ${formatNumber(ratio.p_value)}, alarm below ${ratio.rate}.`,
    markdownTable([
      ['arm', 'units', 'expected'],
      ...ratio.arms.map(({ arm, units, expected }) => [
        `\`${arm}\``,
        formatInteger(units),
        formatInteger(expected),
      ]),
    ]),
    ...shadowSections(arms),
  ]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

function armRows(arms: readonly ArmReport[]): string[][] {
  const columns = arms.map(rowsOf)
  return (columns[0] ?? []).map(({ label, isOutcome }, index) => [
    isOutcome ? code(label) : label,
    ...columns.map((rows) => {
      const row = rows[index]
      return row ? formatEstimate(row.estimate, row.as === 'percent' ? formatPercent : formatNumber) : ''
    }),
  ])
}

function differenceRow(difference: Difference): string[] {
  const { role, arm, status, confidence, verdict, minimum_detectable_effect: detectable } = difference
  const metric = difference.kind === 'outcome' ? code(difference.metric) : difference.metric
  return [
    role === 'secondary' ? metric : `**${metric}** (${role === 'primary' ? 'decides' : 'cost'})`,
    `\`${arm}\``,
    formatEstimate(difference, formatNumber),
    formatEstimate(difference.relative, formatPercent),
    `${formatNumber(confidence * 100)} %`,
    status === 'compared' ? verdict : status.replace('_', ' '),
    detectable === null ? '–' : formatNumber(detectable),
  ]
}

function shadowSections(arms: readonly ArmReport[]): string[] {
  const shadow = arms.flatMap(({ name, shadow: rows }) =>
    rows.map((row) => [
      `\`${name}\``,
      `\`${row.arm}\``,
      formatInteger(row.turns),
      formatPercent(row.overlap),
      formatNumber(row.rbo),
      formatNumber(row.missed),
      formatNumber(row.tokens),
    ]),
  )
  const ages = arms.flatMap(({ name, overlap_by_age: rows }) =>
    rows.map(({ age, turns, overlap }) => [
      `\`${name}\``,
      String(age),
      formatInteger(turns),
      formatPercent(overlap),
    ]),
  )
  return [
    ...(shadow.length > 0
      ? [
          '## Shadow answers',
          markdownTable([
            ['arm', 'other', 'turns', 'overlap', 'RBO', 'missed', 'tokens of other'],
            ...shadow,
          ]),
        ]
      : []),
    ...(ages.length > 0
      ? [
          '## Overlap with `per_query` by age',
          markdownTable([['arm', 'age in turns', 'turns', 'overlap'], ...ages]),
        ]
      : []),
  ]
}

function formatEstimate({ value, low, high }: Estimate, format: (value: number) => string): string {
  if (value === null) return '–'
  return low === null || high === null
    ? format(value)
    : `${format(value)} (${format(low)} to ${format(high)})`
}
