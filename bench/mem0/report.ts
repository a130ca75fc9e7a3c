import { percentile } from '../lib/statistics.ts'
import { table } from '../lib/table.ts'
import type { SearchMeasured } from './measure-search.ts'
import type { TurnsMeasured } from './measure-turns.ts'
import type { Usage } from './model.ts'
import type { SystemUnderTest } from './system.ts'

/** Prices relative to a prompt token: gpt-5-mini (the default of mem0ai) and text-embedding-3-small. */
const PRICE = { cached: 0.1, completion: 8, embedded: 0.08 }

/** Formats one row per quantity and one column per system, with the ratio of the first system to each other one. */
export function formatTurns(measured: ReadonlyMap<SystemUnderTest, TurnsMeasured>, turns: number): string {
  const all = [...measured.values()]
  const row = (name: string, digits: number, of: (one: TurnsMeasured) => number) => {
    const [first = 0, ...others] = all.map(of)
    const values = [first, ...others].map((value) => value.toFixed(digits))
    return [name, ...values, ...others.map((value) => ratio(first, value))]
  }
  const names = [...measured.keys()].map(({ name }) => name)
  return table([
    ['per turn', ...names, ...names.slice(1).map((name) => `${names[0]} / ${name}`)],
    row('LLM calls', 2, ({ usage }) => usage.llmCalls / turns),
    row('prompt tokens', 0, ({ usage }) => usage.promptTokens / turns),
    row('prompt tokens, cached ones at 0.1', 0, ({ usage }) => promptCost(usage) / turns),
    row('completion tokens', 0, ({ usage }) => usage.completionTokens / turns),
    row('embedding calls', 2, ({ usage }) => usage.embeddingCalls / turns),
    row('texts embedded', 2, ({ usage }) => usage.embeddedTexts / turns),
    row('tokens embedded', 0, ({ usage }) => usage.embeddedTokens / turns),
    row('total cost, in prompt tokens', 0, ({ usage }) => totalCost(usage) / turns),
    row('latency of add, p50 ms', 2, ({ waitedMs }) => percentile(waitedMs, 0.5)),
    row('latency of add, p99 ms', 2, ({ waitedMs }) => percentile(waitedMs, 0.99)),
    row(
      'time until searchable without model time, ms',
      2,
      ({ withoutModelMs }) => percentile(withoutModelMs, 0.5) / turns,
    ),
  ])
}

/** Formats one row per system; ratios are relative to the first system. */
export function formatSearches(measured: ReadonlyMap<SystemUnderTest, SearchMeasured>): string {
  const [first] = measured.values()
  return table([
    [
      '',
      'recall@1',
      'recall@8',
      'embedding calls',
      'p50 ms',
      'p95 ms',
      'ratio of p50',
      'without model time, p50 ms',
      'ratio',
    ],
    ...[...measured].map(([{ name }, { tookMs, withoutModelMs, recall, embeddingCalls }]) => [
      name,
      recall.at1.toFixed(3),
      recall.at8.toFixed(3),
      embeddingCalls.toFixed(1),
      percentile(tookMs, 0.5).toFixed(2),
      percentile(tookMs, 0.95).toFixed(2),
      ratio(percentile(first?.tookMs ?? [], 0.5), percentile(tookMs, 0.5)),
      percentile(withoutModelMs, 0.5).toFixed(2),
      ratio(percentile(first?.withoutModelMs ?? [], 0.5), percentile(withoutModelMs, 0.5)),
    ]),
  ])
}

function promptCost({ promptTokens, cachedTokens }: Usage): number {
  return promptTokens - cachedTokens * (1 - PRICE.cached)
}

function totalCost(usage: Usage): number {
  const { completionTokens, embeddedTokens } = usage
  return promptCost(usage) + completionTokens * PRICE.completion + embeddedTokens * PRICE.embedded
}

function ratio(first: number, other: number): string {
  return other > 0 ? `${(first / other).toFixed(1)} ×` : '–'
}
