import { bootstrapInterval } from '../lib/bootstrap.ts'
import { mean, percentile } from '../lib/statistics.ts'
import { table } from '../lib/table.ts'
import type { AnswerResult } from './result-file.ts'

/** Means over questions, 0…100. */
export interface Scores {
  n: number
  f1: number
  bleu1: number
  /** Mean over the runs of the judge, and their standard deviation. */
  judge: number
  judgeSigma: number
}

function scoresOf(results: readonly AnswerResult[]): Scores {
  const runs = Math.max(0, ...results.map(({ verdicts }) => verdicts.length))
  const byRun = Array.from(
    { length: runs },
    (_, run) => 100 * mean(results.map((one) => one.verdicts[run] ?? 0)),
  )
  const judge = mean(byRun)
  return {
    n: results.length,
    f1: 100 * mean(results.map((one) => one.f1)),
    bleu1: 100 * mean(results.map((one) => one.bleu1)),
    judge,
    judgeSigma: Math.sqrt(mean(byRun.map((one) => (one - judge) ** 2))),
  }
}

/** Scores by category, and of all questions: the mean of the categories, weighted by their size. */
export function scoresByKind(results: readonly AnswerResult[], of: (one: AnswerResult) => string) {
  const kinds = [...Map.groupBy(results, of)].sort(([a], [b]) => a.localeCompare(b))
  return { kinds: kinds.map(([kind, some]) => ({ kind, ...scoresOf(some) })), all: scoresOf(results) }
}

export function formatReport(results: readonly AnswerResult[]): string {
  const systems = [...Map.groupBy(results, ({ system }) => system)]
  const [reference] = systems
  return [
    formatSystems(systems, reference?.[1] ?? []),
    `\`ΔJ\`: difference of J to ${reference?.[0]}, with the interval (95 %) of the paired bootstrap over the questions.`,
    'F1 · BLEU-1 · J by category',
    formatBy(systems, ({ kind }) => kind),
    'F1 · BLEU-1 · J by language or data set',
    formatBy(systems, ({ group }) => group),
  ].join('\n\n')
}

type Systems = readonly (readonly [system: string, results: readonly AnswerResult[]])[]

function formatSystems(systems: Systems, reference: readonly AnswerResult[]): string {
  const head = [
    ...['', 'questions', 'F1', 'BLEU-1', 'J ± σ', 'ΔJ', 'tokens o200k', 'cl100k'],
    ...['search p50 ms', 'p95', 'total p50 ms', 'p95', 'no answer', 'no verdict'],
  ]
  const rows = systems.map(([name, results]) => {
    const { n, f1, bleu1, judge, judgeSigma } = scoresOf(results)
    const verdicts = results.flatMap((one) => one.verdicts)
    const times = (of: (one: AnswerResult) => number) =>
      [0.5, 0.95].map((p) => percentile(results.map(of), p).toFixed(0))
    return [
      name,
      String(n),
      ...[f1, bleu1].map((value) => value.toFixed(1)),
      Number.isNaN(judge) ? '' : `${judge.toFixed(1)} ± ${judgeSigma.toFixed(1)}`,
      results === reference ? '' : formatDifference(results, reference),
      ...[mean(results.map((one) => one.o200k)), mean(results.map((one) => one.cl100k))].map((value) =>
        value.toFixed(0),
      ),
      ...times((one) => one.searchMs),
      ...times((one) => one.totalMs),
      String(results.filter((one) => one.error !== undefined).length),
      verdicts.length === 0 ? '' : `${verdicts.filter((one) => one === null).length} of ${verdicts.length}`,
    ]
  })
  return table([head, ...rows])
}

/** Over the questions that both have answered. */
function formatDifference(results: readonly AnswerResult[], reference: readonly AnswerResult[]): string {
  const keyOf = (one: AnswerResult) => JSON.stringify([one.dialogue, one.question])
  const other = new Map(reference.map((one) => [keyOf(one), judgeOf(one)]))
  const differences = results.flatMap((one) => {
    const theirs = other.get(keyOf(one))
    return theirs === undefined ? [] : 100 * (judgeOf(one) - theirs)
  })
  if (differences.length === 0 || Number.isNaN(mean(differences))) return ''
  const [low, high] = bootstrapInterval(differences)
  return `${mean(differences).toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`
}

function judgeOf({ verdicts }: AnswerResult): number {
  return mean(verdicts.map((one) => one ?? 0))
}

function formatBy(systems: Systems, of: (one: AnswerResult) => string): string {
  const cell = ({ f1, bleu1, judge }: Scores) =>
    [f1, bleu1, judge].map((value) => (Number.isNaN(value) ? '–' : value.toFixed(1))).join(' · ')
  const first = scoresByKind(systems[0]?.[1] ?? [], of)
  const head = ['', ...first.kinds.map(({ kind, n }) => `${kind} (${n})`), `all (${first.all.n})`]
  const rows = systems.map(([name, results]) => {
    const { kinds, all } = scoresByKind(results, of)
    const cells = first.kinds.map(({ kind }) => kinds.find((one) => one.kind === kind))
    return [name, ...cells.map((one) => (one ? cell(one) : '')), cell(all)]
  })
  return table([head, ...rows])
}
