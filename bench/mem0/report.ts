import { percentile } from '../lib/statistics.ts'
import { table } from '../lib/table.ts'
import type { Usage } from './model.ts'
import type { SearchMeasured } from './search.ts'
import type { Contestant } from './system.ts'
import type { TurnsMeasured } from './turns.ts'

/** Prices next to that of a prompt token, as of gpt-5-mini (the default of mem0ai) and text-embedding-3-small. */
const PRICE = { cached: 0.1, completion: 8, embedded: 0.08 }

/** A row per quantity, a column per system, and how many times as much the first one needs as each other. */
export function turnsTable(measured: ReadonlyMap<Contestant, TurnsMeasured>, turns: number): string {
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
    row('… if cached ones cost a tenth', 0, ({ usage }) => billedPrompt(usage) / turns),
    row('completion tokens', 0, ({ usage }) => usage.completionTokens / turns),
    row('embedding calls', 2, ({ usage }) => usage.embeddingCalls / turns),
    row('texts embedded', 2, ({ usage }) => usage.embeddedTexts / turns),
    row('tokens embedded', 0, ({ usage }) => usage.embeddedTokens / turns),
    row('price of it all, in prompt tokens', 0, ({ usage }) => billed(usage) / turns),
    row('the caller waits, p50 ms', 2, ({ waited }) => percentile(waited, 0.5)),
    row('the caller waits, p99 ms', 2, ({ waited }) => percentile(waited, 0.99)),
    row('until searchable, outside the model, ms', 2, ({ outside }) => percentile(outside, 0.5) / turns),
  ])
}

export function searchTable(measured: ReadonlyMap<Contestant, SearchMeasured>): string {
  const [first] = measured.values()
  return table([
    [
      '',
      'right first',
      'right in 8',
      'embedding calls',
      'p50 ms',
      'p95 ms',
      'p50 ratio',
      'outside the model, p50 ms',
      'ratio',
    ],
    ...[...measured].map(([{ name }, { took, outside, right, embeddingCalls }]) => [
      name,
      right.first.toFixed(3),
      right.among.toFixed(3),
      embeddingCalls.toFixed(1),
      percentile(took, 0.5).toFixed(2),
      percentile(took, 0.95).toFixed(2),
      ratio(percentile(first?.took ?? [], 0.5), percentile(took, 0.5)),
      percentile(outside, 0.5).toFixed(2),
      ratio(percentile(first?.outside ?? [], 0.5), percentile(outside, 0.5)),
    ]),
  ])
}

function billedPrompt({ promptTokens, cachedTokens }: Usage): number {
  return promptTokens - cachedTokens * (1 - PRICE.cached)
}

function billed(usage: Usage): number {
  const { completionTokens, embeddedTokens } = usage
  return billedPrompt(usage) + completionTokens * PRICE.completion + embeddedTokens * PRICE.embedded
}

function ratio(theirs: number, ours: number): string {
  return ours > 0 ? `${(theirs / ours).toFixed(1)} ×` : '–'
}
