import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseSessionDate, readLocomo } from '../../../bench/locomo/dataset.ts'
import { ask, evaluate, prepare, report } from '../../../bench/locomo/evaluate.ts'
import { evidenceRecall } from '../../../bench/locomo/metric.ts'
import { askPlainBm25 } from '../../../bench/locomo/plain-bm25.ts'
import { embedder } from './helpers.ts'

const MADE_UP = [
  {
    sample_id: 'made-up',
    conversation: {
      speaker_a: 'Ida',
      speaker_b: 'Per',
      session_1_date_time: '12:05 am on 3 March, 2021',
      session_1: [
        { speaker: 'Ida', dia_id: 'D1:1', text: 'Hello! I bought a canoe in Turku.' },
        { speaker: 'Per', dia_id: 'D1:2', text: 'Nice.', blip_caption: 'a red tent' },
        { speaker: 'Per', dia_id: 'D1:3', text: 'I repair violins for a living.' },
      ],
    },
    qa: [
      { question: 'What did Ida buy?', category: 4, evidence: ['D1:1'] },
      { question: 'Which tent does Per have?', category: 1, evidence: ['D1:2; D1:3', 'D9:9'] },
      { question: 'Who repairs nothing?', category: 5, evidence: ['D1:3'] },
      { question: 'Nobody knows?', category: 3, evidence: ['D'] },
    ],
  },
]

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locomo-'))
  writeFileSync(join(folder, 'data.json'), JSON.stringify(MADE_UP))
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = () => readLocomo(join(folder, 'data.json'))

describe('the LoCoMo bench', () => {
  it('reads evidence ids in every format, and leaves out questions without any', () => {
    const [conversation] = read()
    expect(conversation?.questions.map(({ evidence }) => evidence)).toEqual([
      ['D1:1'],
      ['D1:2', 'D1:3'],
      ['D1:3'],
    ])
  })

  it('reads session dates', () => {
    expect(parseSessionDate('12:05 am on 3 March, 2021')).toBe(Date.UTC(2021, 2, 3, 0, 5))
    expect(parseSessionDate('1:56 pm on 8 May, 2023')).toBe(Date.UTC(2023, 4, 8, 13, 56))
    expect(() => parseSessionDate('tomorrow')).toThrow('tomorrow')
  })

  it('computes recall as the fraction of the evidence that was found', () => {
    const question = { question: '', category: 1, evidence: ['a', 'b'] }
    expect(evidenceRecall(question, ['b', 'x'])).toBe(0.5)
    expect(evidenceRecall(question, [])).toBe(0)
  })

  it('asks all questions except adversarial ones, with and without captions', async () => {
    const [conversation] = read()
    if (!conversation) throw new Error('Expected a conversation')
    const withCaptions = await prepare(conversation, embedder, { captions: true })
    const without = await prepare(conversation, embedder, { captions: false })
    expect(ask(withCaptions, 1).map(({ found }) => found)).toEqual([['D1:1'], ['D1:2']])
    expect(evaluate([withCaptions], 2)).toMatchObject({ n: 2, all: 1 })
    // "Nice." alone is not stored, so the content of the caption cannot be found.
    expect(evaluate([without], 3).byCategory['multi-hop']).toBe(0.5)
  })

  it('includes a plain baseline', () => {
    const [conversation] = read()
    if (!conversation) throw new Error('Expected a conversation')
    const answers = askPlainBm25(conversation, 1, { captions: true })
    expect(report(new Map([['made-up', answers]])).all).toBe(0.75)
  })
})
