import { mean, percentile } from '../lib/statistics.ts'
import { table } from '../lib/table.ts'
import { abstainCurve, LOSSES } from './abstain.ts'
import { type Answer, recallAt, staleFirst } from './evaluate.ts'

type Results = ReadonlyMap<string, readonly Answer[]>

export function formatReport(results: Results): string {
  return [
    formatTotals(results),
    'recall@3 / @5 / @10 by language',
    formatBy(results, ({ lang }) => lang),
    'recall@3 / @5 / @10 by kind',
    formatBy(results, ({ question }) => question.kind),
    'questions that were never answered: turns kept of ten, and share of the questions that get none, with the highest\n' +
      'threshold that loses so much recall@10',
    formatCurves(results),
  ].join('\n\n')
}

function formatTotals(results: Results): string {
  const rows = [...results].map(([name, answers]) => {
    const tookMs = answers.map((answer) => answer.tookMs)
    const recalled = answers.flatMap((answer) => answer.recalled ?? [])
    return [
      name,
      ...[3, 5, 10].map((k) => recallAt(k, answers).toFixed(3)),
      staleFirst(answers).toFixed(2),
      recalled.length === 0 ? '' : mean(recalled).toFixed(1),
      percentile(tookMs, 0.5).toFixed(1),
      percentile(tookMs, 0.95).toFixed(1),
    ]
  })
  const head = ['', 'R@3', 'R@5', 'R@10', 'stale first', 'abstain: memories', 'p50 ms', 'p95 ms']
  return table([head, ...rows])
}

function formatCurves(results: Results): string {
  const rows = [...results].map(([name, answers]) => [
    name,
    ...abstainCurve(answers).map(({ kept, silent }) => `${kept.toFixed(1)} · ${(100 * silent).toFixed(0)} %`),
  ])
  return table([['', ...LOSSES.map((lost) => `−${lost.toFixed(2)}`)], ...rows])
}

function formatBy(results: Results, groupOf: (answer: Answer) => string): string {
  const groups = [...new Set([...results.values()].flat().filter(hasEvidence).map(groupOf))]
  const rows = [...results].map(([name, answers]) => [
    name,
    ...groups.map((group) => {
      const members = answers.filter((answer) => groupOf(answer) === group)
      return [3, 5, 10].map((k) => recallAt(k, members).toFixed(2)).join(' ')
    }),
  ])
  return table([['', ...groups], ...rows])
}

function hasEvidence({ question }: Answer): boolean {
  return question.evidence.length > 0
}
