import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { replaces } from '../../../../sidecar/memory/graph/validity.ts'
import { canonicalLabel } from '../../../../sidecar/text/relations/labels.ts'
import { findRelations } from '../../../../sidecar/text/relations/relations.ts'

const FOLDER = new URL('../../../fixtures/graph/', import.meta.url)

function rowsOf(name: string): string[][] {
  const lines = readFileSync(new URL(name, FOLDER), 'utf8').split('\n')
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('|'))
}

/** Counts by language: right, wrong and missed answers. */
function score(rows: readonly { language: string; wanted: Set<string>; got: Set<string> }[]) {
  const sums = new Map<string, { right: number; wrong: number; missed: number }>()
  for (const { language, wanted, got } of rows) {
    for (const key of [language, 'all']) {
      const sum = sums.get(key) ?? { right: 0, wrong: 0, missed: 0 }
      sums.set(key, sum)
      const right = got.intersection(wanted).size
      sum.right += right
      sum.wrong += got.size - right
      sum.missed += wanted.size - right
    }
  }
  return [...sums].map(([language, { right, wrong, missed }]) => ({
    language,
    precision: right / (right + wrong),
    recall: right / (right + missed),
  }))
}

describe('relations by patterns, on labelled sentences in six languages', () => {
  it.each(['relations-dev.txt', 'relations-held-out.txt'])('are right in at least 90 % of %s', (file) => {
    const rows = rowsOf(file).map(([language = '', sentence = '', relations = '-']) => ({
      language,
      wanted: new Set(relations === '-' ? [] : relations.split('; ')),
      got: new Set(
        findRelations(sentence).map(({ subject, label, object }) => `${subject}/${label}/${object}`),
      ),
    }))
    expect(rows.length).toBeGreaterThanOrEqual(156)
    const scores = score(rows)
    expect(scores.find(({ language }) => language === 'all')?.precision).toBeGreaterThanOrEqual(0.95)
    for (const { language, precision, recall } of scores) {
      // 17 relations per language: the interval of one language is wide.
      expect(precision, language).toBeGreaterThanOrEqual(0.8)
      expect(recall, language).toBeGreaterThanOrEqual(0.8)
    }
  })
})

describe('the structural guard, on labelled pairs in six languages', () => {
  it('is right in at least 95 % of the relations that it ends', () => {
    const rows = rowsOf('conflicts.txt').map(
      ([language = '', name = '', one = '', from = '', two = '', to = '', isReplaced]) => {
        const label = canonicalLabel(name)
        const earlier = { subject: 'user', label, object: one, at: Date.parse(from), isAdditional: false }
        const object = two.replace(/^\+/, '')
        const later = { subject: 'user', label, object, at: Date.parse(to), isAdditional: object !== two }
        return {
          language,
          wanted: new Set(isReplaced === 'yes' ? ['replaced'] : []),
          got: new Set(replaces(later, earlier) ? ['replaced'] : []),
        }
      },
    )
    expect(rows.length).toBeGreaterThanOrEqual(200)
    const all = score(rows).find(({ language }) => language === 'all')
    expect(all?.precision).toBeGreaterThanOrEqual(0.95)
    expect(all?.recall).toBeGreaterThanOrEqual(0.9)
  })
})
