import { parse } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import { experimentOf, unitOf } from '../../../../bench/experiment/random-units.ts'
import { toCsv } from '../../../../sidecar/experiments/report/output/csv.ts'
import { toMarkdown } from '../../../../sidecar/experiments/report/output/markdown.ts'
import { createReport } from '../../../../sidecar/experiments/report/report.ts'

const units = Array.from({ length: 200 }, (_, i) => {
  const arm = i % 2 === 0 ? 'a' : 'b'
  const unit = unitOf({
    arm,
    at: i * 1000,
    turns: 2,
    tokens: 400 + i,
    outcomes: { thumbs: { y: i % 3 === 0 ? 0 : 1, n: 1 } },
    milliseconds: [5 + (i % 7), 9],
    cache: arm === 'a' ? { 'none.disabled': 2 } : { 'hit.window': 1, 'miss.turns': 1 },
  })
  return arm === 'a'
    ? unit
    : {
        ...unit,
        shadow: { a: { n: 1, overlap: 0.8, rbo: 0.7, missed: 1, tokens: 300 } },
        overlap_by_age: { 2: { n: 1, overlap: 0.6 }, 1: { n: 1, overlap: 0.9 } },
      }
})
const report = createReport(experimentOf(), units, { pricePerMillionTokens: 2 })

interface Row {
  section: string
  arm: string
  name: string
  value: string
  low: string
  high: string
  n: string
  note: string
}

describe('toCsv', () => {
  const rows = (csv: string): Row[] => parse(csv, { columns: true })
  const find = (section: string, arm: string, name: string) =>
    rows(toCsv(report)).find((row) => row.section === section && row.arm === arm && row.name === name)

  it('has the numbers of the report, unrounded', () => {
    const { arms, differences } = report
    expect(find('arm', 'b', 'tokens per turn')).toMatchObject({
      value: String(arms[1]?.tokens_per_turn.value),
      low: String(arms[1]?.tokens_per_turn.low),
      high: String(arms[1]?.tokens_per_turn.high),
    })
    expect(find('difference', 'b', 'thumbs')).toMatchObject({ low: String(differences[0]?.low) })
    expect(find('cache', 'b', 'hit.window')).toMatchObject({ value: '0.5', n: '100' })
    expect(find('shadow', 'b', 'overlap with a')).toMatchObject({
      value: expect.stringMatching(/^0\.(8|79999)/),
      n: '100',
    })
    expect(find('conclusion', '', 'undecided')?.note).toBe(report.conclusion.sentence)
    expect(rows(toCsv(report)).filter(({ section }) => section === 'series')).toHaveLength(100)
  })

  it('quotes text, and disarms what a spreadsheet takes for a formula', () => {
    const hostile = { ...report, warnings: ['=1+1, "quoted"\nsecond line'] }
    expect(rows(toCsv(hostile)).find(({ section }) => section === 'warning')?.note).toBe(
      '\'=1+1, "quoted"\nsecond line',
    )
  })
})

describe('toMarkdown', () => {
  it('shows the name of an outcome as code, which it cannot leave', () => {
    const name = 'a`b\n\n# <img src=x>|c'
    const hostile = units.map((unit) => ({ ...unit, outcomes: { [name]: { n: 1, sum: 1, squares: 1 } } }))
    for (const outcome of ['thumbs', name]) {
      const text = toMarkdown(createReport({ ...experimentOf(), outcome }, hostile))
      expect(text).not.toContain('a`b')
      expect(text.split('\n').filter((line) => line.startsWith('# '))).toEqual(['# Experiment `trial`'])
      expect(text).toContain("| `a'b # <img src=x>\\|c` | 1 ")
    }
  })

  const lines = toMarkdown(report).split('\n')

  it('starts with the conclusion', () => {
    expect(lines.slice(0, 3)).toEqual(['# Experiment `trial`', '', `**${report.conclusion.sentence}**`])
  })

  it('has a column for each arm, and a row for each metric', () => {
    expect(lines).toContain('|  | `a` | `b` |')
    expect(lines).toContain('| prefix reuse | 0 % | 0 % |')
    expect(lines).toContain('| hit: window | 0 % | 50 % |')
    expect(lines.find((line) => line.startsWith('| `thumbs`'))).toMatch(/\| 0\.66 \(0\.\d+ to 0\.\d+\) \|/)
    expect(lines.find((line) => line.startsWith('| cost per turn'))).toMatch(/\| 0\.000\d+ \(/)
  })

  it('has the differences, the sample ratio and the shadow answers by age', () => {
    expect(lines.find((line) => line.startsWith('| **`thumbs`** (decides)'))).toMatch(/97\.5 % \| undecided/)
    expect(lines).toContain('| `a` | 100 | 100 |')
    expect(lines.filter((line) => line.startsWith('| `b` | '))).toEqual([
      '| `b` | 100 | 100 |',
      '| `b` | `a` | 100 | 80 % | 0.7 | 1 | 300 |',
      '| `b` | 1 | 100 | 90 % |',
      '| `b` | 2 | 100 | 60 % |',
    ])
  })
})
