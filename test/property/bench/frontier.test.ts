import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readDialogues, SHIPPED_TALKS } from '../../../bench/dialogues/read.ts'
import { measureFrontier } from '../../../bench/frontier/measure.ts'
import { formatOrder, formatShort, type OrderResult } from '../../../bench/frontier/report.ts'
import { readSection, writeSection } from '../../../bench/lib/section.ts'
import { STRATEGIES } from '../../../sidecar/retrieval/strategies/request.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

/** The first turns of a conversation, with the questions that they answer. */
function slice(turns: number) {
  return readDialogues(SHIPPED_TALKS, 1).map((dialogue) => {
    const kept = dialogue.turns.slice(0, turns)
    const refs = new Set(kept.map(({ ref }) => ref))
    const questions = dialogue.questions.filter(({ evidence }) => evidence.every((ref) => refs.has(ref)))
    return { ...dialogue, turns: kept, questions }
  })
}

/** The rows of the tables of a Markdown text that name the columns, without padding. */
function headersOf(text: string): string[] {
  const lines = text.split('\n')
  const headers = lines.filter((line, i) => line.startsWith('|') && /^\|-/.test(lines[i + 1] ?? ''))
  return headers.map((line) => line.replace(/ *\| */g, '|'))
}

const file = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

it('measures the strategies, and finds its tables in the README and in docs/benchmarks.md', async () => {
  const dialogues = slice(16)
  const settings = { strategies: STRATEGIES, windows: [3, 10] }
  const results: OrderResult[] = []
  for (const order of ['spread', 'topic'] as const) {
    results.push({ order, ...(await measureFrontier(dialogues, order, settings)) })
  }
  const [spread, topic] = results
  expect(
    spread?.measured.map(({ setting }) => `${setting.strategy}/${setting.windowSize}`).toSorted(),
  ).toEqual(STRATEGIES.flatMap((strategy) => [`${strategy}/10`, `${strategy}/3`]).toSorted())
  for (const { measured } of results) {
    for (const one of measured) {
      expect(one.uncovered).toBe(0)
      expect(one.recall()).toBeGreaterThan(0)
      expect(one.recall()).toBeLessThanOrEqual(1)
      const isCached = one.setting.strategy !== 'per_query'
      expect(Number.isNaN(one.reuse)).toBe(!isCached)
      if (isCached) expect(one.age).toBeLessThan(one.setting.windowSize)
    }
  }
  expect(topic?.recallForBill).toBeDefined()
  // All turns of the conversation and its questions; only the questions.
  expect(spread?.measured[0]?.turns).toBe(16 + (topic?.measured[0]?.turns ?? 0))

  expect(headersOf(readSection(file('README.md'), 'frontier'))).toEqual(headersOf(formatShort(results)))
  const written = headersOf(readSection(file('docs/benchmarks.md'), 'frontier'))
  const [settingsHeader] = headersOf(results.map(formatOrder).join('\n\n'))
  expect(written.filter((header) => header === settingsHeader)).toHaveLength(2)
  expect(written.filter((header) => header === '||de|en|es|ja|ko|zh|')).toHaveLength(2)
})

it('replaces the section between its markers only, and rejects a file without them', () => {
  const path = join(tempDir(), 'page.md')
  writeFileSync(path, 'before\n<!-- begin: npm run bench -- x --write -->\nold\n<!-- end -->\nafter\n')
  writeSection(path, 'x', 'new')
  expect(readFileSync(path, 'utf8')).toBe(
    'before\n<!-- begin: npm run bench -- x --write -->\nnew\n<!-- end -->\nafter\n',
  )
  expect(() => writeSection(path, 'y', 'new')).toThrow(/npm run bench -- y --write/)
})
