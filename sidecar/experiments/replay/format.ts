import { markdownTable } from '../report/output/markdown-table.ts'
import { countOf, nameOf, percent, type ReplayedSetting, type ReplayReport } from './report.ts'

export const REPLAY_FORMATS = ['json', 'csv', 'markdown'] as const
export type ReplayFormat = (typeof REPLAY_FORMATS)[number]

/** Examples of missed memories per setting in the Markdown report. */
const EXAMPLES = 3

const COLUMNS: readonly [header: string, of: (one: ReplayedSetting) => string | number | null][] = [
  ['strategy', ({ strategy }) => strategy],
  ['window_size', ({ window_size }) => window_size],
  ['refresh_on_shift', ({ refresh_on_shift }) => refresh_on_shift],
  ['turns', ({ turns }) => turns],
  ['grounded_recall', ({ grounded }) => grounded.recall],
  ['injected_recall', ({ grounded }) => grounded.injected_recall],
  ['grounded_memories', ({ grounded }) => grounded.memories],
  ['grounded_in_window', ({ grounded }) => grounded.in_window],
  ['grounded_injected', ({ grounded }) => grounded.injected],
  ['overlap', ({ overlap }) => overlap],
  ['rbo', ({ rbo }) => rbo],
  ['tokens_per_turn', (one) => one.tokens_per_turn],
  ['billed_automatic', ({ billed_tokens_per_turn: billed }) => billed.automatic],
  ['billed_marked', ({ billed_tokens_per_turn: billed }) => billed.marked],
  ['billed_none', ({ billed_tokens_per_turn: billed }) => billed.none],
  ['block_tokens_per_turn', (one) => one.block_tokens_per_turn],
  ['prefix_reuse', ({ prefix_reuse }) => prefix_reuse],
  ['hit_rate', ({ hit_rate }) => hit_rate],
  ['p50_ms', ({ latency_ms }) => latency_ms.p50],
  ['p95_ms', ({ latency_ms }) => latency_ms.p95],
]

export function formatReplay(report: ReplayReport, format: ReplayFormat): string {
  if (format === 'json') return `${JSON.stringify(report, null, 2)}\n`
  return format === 'csv' ? toCsv(report) : toMarkdown(report)
}

function toCsv({ settings }: ReplayReport): string {
  const rows = settings.map((one) => COLUMNS.map(([, of]) => of(one) ?? '').join(','))
  return `${[COLUMNS.map(([header]) => header).join(','), ...rows].join('\r\n')}\r\n`
}

function toMarkdown(report: ReplayReport): string {
  const { settings, turns, users, answered_turns, grounded_turns, top_k, token_budget, since } = report
  const period = since === null ? '' : ` since ${since}`
  const byWords = settings.some((one) => one.turns_by_words_only > 0)
  return [
    '# Replay',
    report.summary,
    `${countOf(turns, 'turn')} of ${countOf(users, 'user')}${period}; ${answered_turns} with a recorded answer, ${grounded_turns} of which drew on a memory. top_k ${top_k}, token_budget ${token_budget}.`,
    ...(byWords ? [wordsOnlyNote(settings)] : []),
    markdownTable([
      [
        ...['Strategy', 'N', 'Grounded recall', '… injected', 'Overlap', 'RBO', 'Tokens', 'Billed', 'Marked'],
        ...['No cache', 'Prefix reuse', 'Hits', 'p50 ms', 'p95 ms'],
      ],
      ...settings.map(toRow),
    ]),
    'Grounded recall: share of the memories that the recorded answers drew on which the chat window or the strategy showed. Injected: the same for the memories outside the window. Overlap and RBO: with per_query. Billed: full-price tokens per turn where a repeated prefix costs a tenth (marked: with cache markers).',
    ...byAge(settings),
    ...missed(settings),
    '',
  ].join('\n\n')
}

function toRow(one: ReplayedSetting): string[] {
  const { grounded, billed_tokens_per_turn: billed, latency_ms } = one
  const shift = one.refresh_on_shift === null ? '' : `, shift ${one.refresh_on_shift}`
  return [
    `${one.strategy}${shift}`,
    String(one.window_size),
    ...[grounded.recall, grounded.injected_recall, one.overlap].map(percent),
    one.rbo?.toFixed(2) ?? '–',
    ...[one.tokens_per_turn, billed.automatic, billed.marked, billed.none].map((n) => n?.toFixed(0) ?? '–'),
    ...[one.prefix_reuse, one.hit_rate].map(percent),
    ...[latency_ms.p50, latency_ms.p95].map((ms) => ms?.toFixed(1) ?? '–'),
  ]
}

function wordsOnlyNote(settings: readonly ReplayedSetting[]): string {
  const share = Math.max(...settings.map((one) => one.turns_by_words_only / Math.max(1, one.turns)))
  return `In ${percent(share)} of the turns the store has no embedding of the question; they were ranked by words only, for every strategy.`
}

function byAge(settings: readonly ReplayedSetting[]): string[] {
  const cached = settings.filter(({ by_age }) => by_age.length > 0)
  if (cached.length === 0) return []
  const ages = [...new Set(cached.flatMap(({ by_age }) => by_age.map(({ age_turns }) => age_turns)))]
  const rows = ages
    .sort((a, b) => a - b)
    .map((age) => [
      String(age),
      ...cached.map(({ by_age }) => {
        const at = by_age.find(({ age_turns }) => age_turns === age)
        return at ? `${percent(at.grounded_recall)} / ${percent(at.overlap)}` : ''
      }),
    ])
  return [
    '## By age of the block in turns',
    'Grounded recall / overlap with per_query.',
    markdownTable([['Age', ...cached.map(nameOf)], ...rows]),
  ]
}

function missed(settings: readonly ReplayedSetting[]): string[] {
  const some = settings.filter((one) => one.missed.length > 0)
  if (some.length === 0) return []
  return [
    '## Missed',
    ...some.flatMap((one) => [
      `### ${nameOf(one)}`,
      one.missed
        .slice(0, EXAMPLES)
        .map(
          ({ turn, question, memory, words }) =>
            `- turn ${turn ?? '–'}: ${inline(question)}\n  - memory: ${inline(memory)} (answered with: ${inline(words.join(', '))})`,
        )
        .join('\n'),
    ]),
  ]
}

/** User text must not become Markdown structure. */
function inline(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|#]/g, '\\$&')
}
