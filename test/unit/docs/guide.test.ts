import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { nodes } from '../../../tools/index.ts'

const LANGUAGES = ['en', 'ja', 'zh-Hans', 'ko', 'pt-BR']
const folder = new URL('../../../docs/guide/', import.meta.url)
const guide = (language: string) => readFileSync(new URL(`${language}.md`, folder), 'utf8')

/** What is the same in every language: headings by level, numbered steps, table rows, code, links and pictures. */
function structureOf(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [mark] = /^(#+ |\d\. |- |\||```|!\[|<img|$)/.exec(line) ?? ['text']
    return line === ''
      ? []
      : [[mark, ...targetsIn(line).filter((target) => !/^[\w-]+\.md$/.test(target))].join(' ')]
  })
}

const targetsIn = (text: string) =>
  [...text.matchAll(/\]\(([^)]+)\)|src="([^"]+)"/g)].map(([, link, picture]) => link ?? picture ?? '')

describe.each(LANGUAGES)('docs/guide/%s.md', (language) => {
  const text = guide(language)

  it('has the sections, steps, tables, links and pictures of the English guide', () => {
    expect(structureOf(text)).toEqual(structureOf(guide('en')))
  })

  it('links to the other languages, and to files and headings that exist', () => {
    const targets = targetsIn(text)
    expect(targets).toEqual(
      expect.arrayContaining(LANGUAGES.filter((one) => one !== language).map((one) => `${one}.md`)),
    )
    for (const target of targets) {
      const [path = '', heading] = target.split('#')
      expect(existsSync(new URL(path, folder)), target).toBe(true)
      if (heading === undefined) continue
      const headings = readFileSync(new URL(path, folder), 'utf8').match(/^#+ .*$/gm) ?? []
      expect(headings.map((one) => one.replace(/^#+ /, '').toLowerCase().replaceAll(' ', '-'))).toContain(
        heading,
      )
    }
  })

  it('names pages and numbers as the dashboard does in this language', () => {
    const path = `../../../sidecar/http/dashboard/assets/languages/${language}.json`
    const labels: Record<string, string> = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
    const used = ['nav.memories', 'nav.experiments', 'report.differences', 'report.ratio', 'report.ratioGood']
    for (const name of used) expect(text).toContain(`_${labels[name]}_`)
  })

  it('names the four strategies, and only outputs that Retrieve Memory has', () => {
    const retrieve = nodes.find(({ name }) => name === 'retrieve_memory')
    const rows = [...text.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)]
    const outputs = rows.flatMap(([, , cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name))
    expect(Object.keys(retrieve?.outputs ?? {})).toEqual(expect.arrayContaining(outputs))
    expect(rows.map(([, strategy]) => strategy)).toEqual([
      'per_query',
      'cached',
      'cached_delta',
      'experiment',
    ])
  })
})
