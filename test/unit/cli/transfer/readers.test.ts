import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDocument } from '../../../../sidecar/cli/transfer/readers/document.ts'
import { readHippocache } from '../../../../sidecar/cli/transfer/readers/hippocache.ts'
import { readMem0 } from '../../../../sidecar/cli/transfer/readers/mem0.ts'
import { bodies, file, fixture, readAll } from '../../../helpers/cli/transfer/helpers.ts'

describe('readMem0', () => {
  it('keeps ids, scopes and dates in both spellings', async () => {
    const entries = await readAll(readMem0, fixture('mem0.json'))
    expect(entries.map((entry) => entry.kind)).toEqual(['memory', 'memory', 'problem', 'memory'])
    expect(bodies(entries)).toMatchObject([
      {
        id: '8f1a6d0e-0001',
        agent_id: 'travel',
        created_at: '2025-06-01T08:30:36.275Z',
        updated_at: '2025-07-01T07:00:00.000Z',
        metadata: { category: 'home', nested: '{"a":1}' },
      },
      { memory: 'Ada is allergic to peanuts.', created_at: '2025-06-02T10:00:00.000Z', metadata: {} },
      {},
      { run_id: 'r1', created_at: '2025-06-03T00:00:00.000+00:00', metadata: { categories: ['sports'] } },
    ])
    expect(entries.map((entry) => 'userId' in entry && entry.userId)).toEqual(['ada', 'ada', false, 'ada'])
  })
})

describe('readDocument', () => {
  it('splits at headings and puts the section into the metadata', async () => {
    const pieces = bodies(await readAll(readDocument, fixture('handbook.md'))) as {
      memory: string
      metadata: object
    }[]
    expect(pieces.map(({ memory }) => memory.split('\n')[0])).toEqual(['Handbook', 'Kiln', 'Glaze'])
    expect(pieces[1]).toMatchObject({
      memory:
        'Kiln\n\nNever open the kiln above 100 degrees. The red lamp means that it is hot.\n\nThe key hangs behind the door.',
      metadata: { document: 'handbook.md', piece: 2, section: 'Kiln' },
      at: '2026-04-01T00:00:00.000Z',
    })
  })

  it('keeps every word of any text in order in pieces of at most 1,000 characters', async () => {
    const word = fc.string({ unit: fc.constantFrom(...'abcdefgh'), minLength: 1, maxLength: 60 })
    const texts = fc.array(fc.tuple(word, fc.constantFrom(' ', ' ', ' ', '. ', '\n', '\n\n', '\n## ')), {
      maxLength: 400,
    })
    await fc.assert(
      fc.asyncProperty(texts, async (parts) => {
        const text = parts.flat().join('')
        const pieces = bodies(await readAll(readDocument, file('a.txt', text))) as { memory: string }[]
        const words = (of: string) => of.match(/[a-h]+/g) ?? []
        expect(pieces.flatMap(({ memory }) => words(memory))).toEqual(words(text))
        for (const { memory } of pieces) expect(memory.length).toBeLessThanOrEqual(1000)
      }),
      { numRuns: 50 },
    )
  })
})

describe('readHippocache', () => {
  const header = { kind: 'header', format: 'hippocache-export', version: 1, user_id: 'ada', exported_at: '' }
  const lines = (...list: object[]) => file('e.jsonl', list.map((one) => `${JSON.stringify(one)}\n`).join(''))

  it('reports a missing footer and wrong counts', async () => {
    const record = { kind: 'turn', turn: {} }
    expect(await readAll(readHippocache, lines(header, record))).toMatchObject([
      { kind: 'record' },
      { reason: expect.stringContaining('footer') },
    ])
    expect(
      await readAll(readHippocache, lines(header, record, { kind: 'footer', counts: { turn: 2 } })),
    ).toMatchObject([
      { kind: 'record', userId: 'ada' },
      { reason: 'footer: expected 2 lines of kind turn, got 1' },
    ])
    expect(
      await readAll(readHippocache, lines(header, record, { kind: 'footer', counts: { turn: 1 } })),
    ).toHaveLength(1)
  })

  it('rejects an unknown version', async () => {
    await expect(readAll(readHippocache, lines({ ...header, version: 2 }))).rejects.toThrow(
      'expected a header',
    )
    await expect(readAll(readHippocache, lines({ kind: 'turn' }))).rejects.toThrow('starts with a header')
  })
})
