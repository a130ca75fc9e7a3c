import { closeSync, openSync, writeSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toIso } from '../../../../sidecar/cli/transfer/input/dates.ts'
import { InvalidEntry } from '../../../../sidecar/cli/transfer/input/entry.ts'
import { readDify } from '../../../../sidecar/cli/transfer/readers/dify.ts'
import { detectFormat } from '../../../../sidecar/cli/transfer/readers/formats.ts'
import { readMem0 } from '../../../../sidecar/cli/transfer/readers/mem0.ts'
import { readMessages } from '../../../../sidecar/cli/transfer/readers/messages.ts'
import { anyText } from '../../../helpers/any-text.ts'
import { file, fixture, readAll, start } from '../../../helpers/cli/transfer/helpers.ts'

describe('a JSON file', () => {
  const message = fc.record({
    role: fc.constantFrom('user', 'assistant'),
    content: anyText({ maxLength: 20 }),
  })
  const layouts: Record<string, (list: readonly object[]) => [name: string, text: string]> = {
    lines: (list) => ['a.jsonl', list.map((one) => JSON.stringify(one)).join('\n')],
    'lines with CRLF and a byte-order mark': (list) => [
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

  it('yields the same entries in every layout', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 2, maxLength: 8 }),
        fc.constantFrom(...Object.keys(layouts)),
        async (list, layout) => {
          const [name, text] = (layouts[layout] as (typeof layouts)[string])(list)
          const expected = list.map(({ content }) => content).filter((content) => content.trim() !== '')
          const entries = await readAll(readMessages, file(name, text))
          const read = entries.flatMap((entry) => {
            if (entry.kind === 'omission') return []
            return entry.kind === 'turn' ? entry.body.messages.map(({ content }) => content) : [entry.kind]
          })
          expect(read).toEqual(expected.map((content) => content.toWellFormed()))
          const omitted = entries.filter(({ kind }) => kind === 'omission')
          expect(omitted).toHaveLength(list.length - expected.length)
        },
      ),
      { numRuns: 100 },
    )
  })

  it.each(['jsonl', 'json'])('(.%s) is read in bounded memory', async (extension) => {
    const entry = JSON.stringify({ memory: `${'a long text '.repeat(800)}.`, user_id: 'ada' })
    const separator = extension === 'json' ? ',\n' : '\n'
    const path = file(`large.${extension}`, '')
    const out = openSync(path, 'w')
    if (extension === 'json') writeSync(out, '{"results":[')
    for (let i = 0; i < 80; i++)
      writeSync(out, `${i > 0 ? separator : ''}${Array(100).fill(entry).join(separator)}`)
    if (extension === 'json') writeSync(out, ']}')
    closeSync(out)
    const dry = await start('import', ['--from', path, '--dry-run'], {
      NODE_OPTIONS: '--max-old-space-size=40',
    }).ended
    expect(dry).toMatchObject({ code: 0, out: expect.stringContaining('as mem0: 8000 memories.') })
  })

  it('that is truncated yields its complete entries and reports the truncation', async () => {
    const entries = await readAll(
      readMessages,
      file('a.json', '[{"role":"user","content":"I like tea."},\n{"role":"us'),
    )
    expect(entries).toMatchObject([
      { kind: 'problem', line: 2, reason: expect.stringContaining('cut off') },
      { kind: 'turn' },
    ])
  })

  it('with an entry that is not a memory yields the other entries', async () => {
    const entries = await readAll(
      readMem0,
      file('a.json', '{"results":[{"memory":"One."},\n"text",{"memory":"Three."}]}'),
    )
    expect(entries).toMatchObject([
      { line: 1 },
      { kind: 'problem', line: 2 },
      { line: 2, body: { memory: 'Three.' } },
    ])
  })

  it('with invalid JSON in a list yields the entries before it and reports its line', async () => {
    const entries = await readAll(
      readMem0,
      file('a.json', '{"results":[{"memory":"One."},\n{"memory":oops},\n{"memory":"Three."}]}'),
    )
    expect(entries).toMatchObject([
      { line: 1, body: { memory: 'One.' } },
      {
        kind: 'problem',
        line: 2,
        reason: expect.stringMatching(/expected JSON.*rest of the file is not read/),
      },
    ])
  })

  it('with an invalid line in JSON Lines yields the other lines', async () => {
    const entries = await readAll(
      readMem0,
      file('a.jsonl', '{"memory":"One."}\n{"memory":oops}\n{"memory":"Three."}\n'),
    )
    expect(entries).toMatchObject([
      { line: 1 },
      { kind: 'problem', line: 2 },
      { line: 3, body: { memory: 'Three.' } },
    ])
  })

  it.each(['jsonl', 'json'])(
    '(.%s) is read up to an entry of 17 million characters, which it reports',
    async (extension) => {
      const long = 'x'.repeat(17 * 1024 * 1024)
      const path = file(
        `long.${extension}`,
        extension === 'json'
          ? `[{"query":"Where?","answer":"Here."},\n{"query":"${long}","answer":"Yes."}]`
          : `{"query":"Where?","answer":"Here."}\n{"query":"${long}","answer":"Yes."}\n`,
      )
      expect(await readAll(readDify, path)).toMatchObject([
        { kind: 'turn', line: 1 },
        { kind: 'problem', line: 2, reason: expect.stringContaining('longer than 16 million characters') },
      ])
    },
  )
})

describe('a CSV file', () => {
  it.each([
    ['a quote that is not closed', 'question,answer\nWhere?,"Here.\n', 'Quote Not Closed'],
    ['a row of 17 million characters', `question,answer\n${'x'.repeat(17 * 1024 * 1024)},a\n`, 'at line 2'],
  ])('with %s is refused', async (_, text, reason) => {
    await expect(readAll(readDify, file('a.csv', text))).rejects.toThrow(reason)
  })
})

describe('detectFormat', () => {
  it.each([
    ['messages.jsonl', 'messages'],
    ['openai.json', 'messages'],
    ['dify-pages.json', 'dify'],
    ['dify-annotations.csv', 'dify'],
    ['mem0.json', 'mem0'],
    ['handbook.md', 'document'],
  ])('detects %s as %s', async (name, format) => {
    expect(await detectFormat({ path: fixture(name), name, date: '', onBytes: () => {} })).toBe(format)
  })

  it('rejects an unknown format and asks for --format', async () => {
    const path = file('x.json', '[{"a":1,"b":2}]')
    await expect(detectFormat({ path, name: 'x.json', date: '', onBytes: () => {} })).rejects.toThrow(
      'x.json: cannot detect the format (found entries with ["a","b"]); pass --format messages | dify | mem0 | document | hippocache',
    )
  })
})

describe('toIso', () => {
  it.each([
    ['2026-03-02T10:00:00Z', '2026-03-02T10:00:00.000Z'],
    ['2026-03-02T10:00:00', '2026-03-02T10:00:00.000Z'],
    ['2026-03-02 10:00:00.123456', '2026-03-02T10:00:00.123Z'],
    ['2026-03-02T10:00:00+02:00', '2026-03-02T10:00:00.000+02:00'],
    ['2026-03-02 10:00:00 -0330', '2026-03-02T10:00:00.000-03:30'],
    ['2026-03-02 10:00:00,5+0900', '2026-03-02T10:00:00.500+09:00'],
    ['2026-03-02', '2026-03-02T00:00:00.000+00:00'],
    ['Mon, 02 Mar 2026 10:00:00 GMT', '2026-03-02T10:00:00.000Z'],
    ['Mon, 02 Mar 2026 10:00:00 +0900', '2026-03-02T10:00:00.000+09:00'],
    ['Mon Mar 02 2026 10:00:00 GMT', '2026-03-02T10:00:00.000Z'],
    [1772445600, '2026-03-02T10:00:00.000Z'],
    ['1772445600', '2026-03-02T10:00:00.000Z'],
    [1772445600.5, '2026-03-02T10:00:00.500Z'],
    [1772445600000, '2026-03-02T10:00:00.000Z'],
    [1772445600000000, '2026-03-02T10:00:00.000Z'],
  ])('converts %s to %s', (written, date) => {
    expect(toIso(written)).toBe(date)
  })

  it.each(['yesterday', '02/03/2026', '2026-13-01', {}, -5, Number.NaN, true])('rejects %s', (written) => {
    expect(() => toIso(written)).toThrow(InvalidEntry)
  })
})
