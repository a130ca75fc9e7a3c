import { closeSync, openSync, writeSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadDate, toIso } from '../../sidecar/transfer/dates.ts'
import { detectFormat } from '../../sidecar/transfer/readers/formats.ts'
import { readMem0 } from '../../sidecar/transfer/readers/mem0.ts'
import { readMessages } from '../../sidecar/transfer/readers/messages.ts'
import { JsonListScanner } from '../../sidecar/transfer/scanner.ts'
import { file, fixture, readAll, run } from './helpers.ts'

describe('a JSON file', () => {
  const message = fc.record({
    role: fc.constantFrom('user', 'assistant'),
    content: fc.string({ unit: 'binary', maxLength: 20 }),
  })
  const layouts: Record<string, (list: readonly object[]) => [name: string, text: string]> = {
    lines: (list) => ['a.jsonl', list.map((one) => JSON.stringify(one)).join('\n')],
    'lines of Windows, marked': (list) => [
      'a.ndjson',
      `\uFEFF${list.map((one) => JSON.stringify(one)).join('\r\n')}\r\n`,
    ],
    array: (list) => ['a.json', JSON.stringify(list)],
    'spaced array': (list) => ['a.json', JSON.stringify(list, null, 3)],
    'array in an object': (list) => [
      'a.json',
      JSON.stringify({ note: '"data":[', inner: { data: [1] }, data: list, more: [2] }),
    ],
  }

  it('has the same entries in every layout', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 2, maxLength: 8 }),
        fc.constantFrom(...Object.keys(layouts)),
        async (list, layout) => {
          const [name, text] = (layouts[layout] as (typeof layouts)[string])(list)
          const said = list.map(({ content }) => content).filter((content) => content.trim() !== '')
          const read = (await readAll(readMessages, file(name, text))).flatMap((entry) =>
            entry.kind === 'turn' ? entry.body.messages.map(({ content }) => content) : [entry.kind],
          )
          expect(read).toEqual(said.map((content) => content.toWellFormed()))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('may be read in any pieces', () => {
    const element = fc.oneof(fc.jsonValue(), fc.string({ unit: fc.constantFrom(...'"\\\\,[]{}: \n') }))
    const lists = fc.record({ list: fc.array(element, { minLength: 1 }), other: element, space: fc.nat(2) })
    fc.assert(
      fc.property(
        lists,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        ({ list, other, space }, sizes) => {
          const scanner = new JsonListScanner(['data', 'results'])
          const text = JSON.stringify({ other, data: list, after: other }, null, space)
          const found: unknown[] = []
          for (let at = 0, i = 0; at < text.length; i++) {
            const size = sizes[i % sizes.length] as number
            for (const one of scanner.push(text.slice(at, at + size))) found.push(JSON.parse(one.text))
            at += size
          }
          expect(found).toEqual(JSON.parse(JSON.stringify(list)))
          expect(scanner.closed).toBe(true)
        },
      ),
    )
  })

  it.each(['jsonl', 'json'])('(.%s) may be larger than memory', async (extension) => {
    const entry = JSON.stringify({ memory: `${'a long text '.repeat(800)}.`, user_id: 'ada' })
    const separator = extension === 'json' ? ',\n' : '\n'
    const path = file(`large.${extension}`, '')
    const out = openSync(path, 'w')
    if (extension === 'json') writeSync(out, '{"results":[')
    for (let i = 0; i < 80; i++)
      writeSync(out, `${i > 0 ? separator : ''}${Array(100).fill(entry).join(separator)}`)
    if (extension === 'json') writeSync(out, ']}')
    closeSync(out)
    const dry = await run('import', ['--from', path, '--dry-run'], {
      NODE_OPTIONS: '--max-old-space-size=40',
    })
    expect(dry).toMatchObject({ code: 0, out: expect.stringContaining('as mem0: 8000 pieces.') })
  })

  it('that is cut off gives what it has, and says so', async () => {
    const entries = await readAll(
      readMessages,
      file('a.json', '[{"role":"user","content":"I like tea."},\n{"role":"us'),
    )
    expect(entries).toMatchObject([
      { kind: 'problem', line: 2, reason: expect.stringContaining('cut off') },
      { kind: 'turn' },
    ])
  })

  it('with a bad entry gives the others', async () => {
    const entries = await readAll(
      readMem0,
      file('a.json', '{"results":[{"memory":"One."},\n{"memory":oops},\n"text",{"memory":"Four."}]}'),
    )
    expect(entries).toMatchObject([
      { line: 1 },
      { kind: 'problem', line: 2 },
      { kind: 'problem', line: 3 },
      { line: 3, body: { memory: 'Four.' } },
    ])
  })
})

describe('the format', () => {
  it.each([
    ['messages.jsonl', 'messages'],
    ['openai.json', 'messages'],
    ['dify-pages.json', 'dify'],
    ['dify-annotations.csv', 'dify'],
    ['mem0.json', 'mem0'],
    ['handbook.md', 'document'],
  ])('of %s is seen to be %s', async (name, format) => {
    expect(await detectFormat({ path: fixture(name), name, date: '', onBytes: () => {} })).toBe(format)
  })

  it('that cannot be told is asked for', async () => {
    const path = file('x.json', '[{"a":1,"b":2}]')
    await expect(detectFormat({ path, name: 'x.json', date: '', onBytes: () => {} })).rejects.toThrow(
      'x.json: cannot tell its format (entries with ["a","b"]); say --format messages | dify | mem0 | document | hippocache',
    )
  })
})

describe('a date', () => {
  it.each([
    ['2026-03-02T10:00:00Z', '2026-03-02T10:00:00.000Z'],
    ['2026-03-02T10:00:00', '2026-03-02T10:00:00.000Z'],
    ['2026-03-02 10:00:00.123456', '2026-03-02T10:00:00.123Z'],
    ['2026-03-02T10:00:00+02:00', '2026-03-02T08:00:00.000Z'],
    ['2026-03-02', '2026-03-02T00:00:00.000Z'],
    ['Mon, 02 Mar 2026 10:00:00 GMT', '2026-03-02T10:00:00.000Z'],
    [1772445600, '2026-03-02T10:00:00.000Z'],
    ['1772445600', '2026-03-02T10:00:00.000Z'],
    [1772445600.5, '2026-03-02T10:00:00.500Z'],
    [1772445600000, '2026-03-02T10:00:00.000Z'],
    [1772445600000000, '2026-03-02T10:00:00.000Z'],
  ])('%s is %s', (written, date) => {
    expect(toIso(written)).toBe(date)
  })

  it.each(['yesterday', '02/03/2026', '2026-13-01', {}, -5, Number.NaN, true])('%s is none', (written) => {
    expect(() => toIso(written)).toThrow(BadDate)
  })
})
