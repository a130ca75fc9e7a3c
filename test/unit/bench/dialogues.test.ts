import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { joinDialogue, ORDERS } from '../../../bench/dialogues/join.ts'
import { readDialogues, SHIPPED_TALKS } from '../../../bench/dialogues/read.ts'
import { tempDir } from '../../helpers/temp-dir.ts'

function jsonFile(data: object): string {
  const path = join(tempDir(), 'data.json')
  writeFileSync(path, JSON.stringify(data))
  return path
}

const LONG_MEM_EVAL = {
  question_id: 'q1',
  question_type: 'knowledge-update',
  question: 'Where do I live?',
  answer: 42,
  question_date: '2023/06/01 (Thu) 10:00',
  haystack_session_ids: ['b', 'a'],
  haystack_dates: ['2023/05/30 (Tue) 23:40', '2023/05/20 (Sat) 02:21'],
  haystack_sessions: [
    [
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: 'I moved', has_answer: true },
      { role: 'assistant', content: 'Where to?', has_answer: false },
      { role: 'user', content: 'Kyoto' },
    ],
    [{ role: 'user', content: 'first' }],
  ],
  answer_session_ids: ['b'],
}

it('reads LongMemEval: sessions by date, a turn per user message, evidence by has_answer', () => {
  const abstention = { ...LONG_MEM_EVAL, question_id: 'q2_abs' }
  const [first, second] = readDialogues(jsonFile([LONG_MEM_EVAL, abstention]))
  expect(first?.turns.map(({ ref, messages }) => [ref, messages.map(({ content }) => content)])).toEqual([
    ['1:1', ['first']],
    ['2:1', ['Hello']],
    ['2:2', ['I moved', 'Where to?']],
    ['2:3', ['Kyoto']],
  ])
  expect(first?.questions).toMatchObject([
    { answer: '42', kind: 'knowledge-update', evidence: ['2:2'], at: Date.parse('2023-06-01T10:00Z') },
  ])
  expect(second?.questions).toMatchObject([{ kind: 'abstention', evidence: [] }])
})

it('reads LoCoMo: two messages are a turn, categories by number and official name, adversarial ones left out', () => {
  const message = (id: string, speaker: string) => ({ dia_id: id, speaker, text: `text of ${id}` })
  const conversation = {
    session_1_date_time: '1:56 pm on 8 May, 2023',
    session_1: [message('D1:1', 'Ann'), message('D1:2', 'Bob'), message('D1:3', 'Ann')],
  }
  const qa = [
    { question: 'When?', answer: 2022, category: 2, evidence: ['D1:2', 'D1:3'] },
    { question: 'What?', category: 5, evidence: ['D1:1'], adversarial_answer: 'x' },
  ]
  const [dialogue] = readDialogues(jsonFile([{ sample_id: 'c', conversation, qa }]))
  expect(dialogue?.turns.map(({ ref, messages }) => [ref, messages.length])).toEqual([
    ['1:1', 2],
    ['1:2', 1],
  ])
  expect(dialogue?.questions).toMatchObject([
    { question: 'When?', answer: '2022', kind: '2 temporal', evidence: ['1:1', '1:2'] },
  ])
})

it('rejects another format by name, and limits the number of dialogues evenly over the languages', () => {
  expect(() => readDialogues(jsonFile([{ a: 1 }]))).toThrow(/--data: expected .* LoCoMo .* LongMemEval/)
  const groups = readDialogues(SHIPPED_TALKS, 6).map(({ group }) => group)
  expect(groups.toSorted()).toEqual(['de', 'en', 'es', 'ja', 'ko', 'zh'])
})

it('asks each question once in every order, after its evidence, at times that do not go back', () => {
  for (const dialogue of readDialogues(SHIPPED_TALKS, 2)) {
    for (const order of ORDERS) {
      const turns = joinDialogue(dialogue, order)
      expect(turns).toHaveLength(dialogue.turns.length + dialogue.questions.length)
      const indexes = new Map(turns.map(({ ref }, i) => [ref, i]))
      for (const [i, { question, messages }] of turns.entries()) {
        for (const ref of question?.evidence ?? []) expect(indexes.get(ref)).toBeLessThan(i)
        const before = turns[i - 1]?.messages[0]?.at ?? 0
        expect(messages[0]?.at).toBeGreaterThanOrEqual(before)
      }
    }
  }
})
