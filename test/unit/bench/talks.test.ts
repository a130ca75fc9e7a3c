import { expect, it } from 'vitest'
import { abstainCurve } from '../../../bench/talks/abstain.ts'
import { type Answer, evaluate, staleFirst, type Variant } from '../../../bench/talks/evaluate.ts'

const question = (evidence: string[], stale: string[] = []) => ({
  q: '',
  at: '',
  answer: '',
  kind: 'fact',
  evidence,
  stale,
})
const answer = (evidence: string[], found: Record<string, number>, stale: string[] = []): Answer => ({
  lang: 'en',
  question: question(evidence, stale),
  turns: Object.keys(found),
  scores: Object.values(found),
  tookMs: 1,
  recalled: undefined,
})

it('finds the highest threshold that loses no recall, and counts what unanswerable questions keep', () => {
  const answers = [
    answer(['1:1'], { '1:1': 0.9, '1:2': 0.2 }),
    answer(['2:1'], { '1:2': 0.8, '2:1': 0.5 }),
    answer([], { '1:1': 0.6, '1:2': 0.4 }),
    answer([], { '1:1': 0.3 }),
  ]
  const [none, , , , tenth] = abstainCurve(answers)
  expect(none).toEqual({ lost: 0, kept: 0.5, silent: 0.5 })
  expect(tenth).toEqual({ ...none, lost: 0.1 })
})

it('counts a question as stale first if a replaced value ranks before every current one', () => {
  const [right, wrong, missing] = [
    answer(['1:2'], { '1:2': 2, '1:1': 1 }, ['1:1']),
    answer(['1:2'], { '1:1': 2, '1:2': 1 }, ['1:1']),
    answer(['1:2'], {}, ['1:1']),
  ]
  expect(staleFirst([right, wrong, missing])).toBeCloseTo(1 / 3)
})

it('keeps the best score of each turn, and fails after the deadline', async () => {
  const variant: Variant = {
    name: 'test',
    open: async () => ({
      search: async () => ['1:1', '1:2', '1:1'].map((ref, i) => ({ ref, score: i })),
      async [Symbol.asyncDispose]() {},
    }),
  }
  const talk = { id: 'a', lang: 'en', sessions: [], questions: [question([])] }
  const [only] = await evaluate(variant, [talk], new AbortController().signal)
  expect(only).toMatchObject({ turns: ['1:1', '1:2'], scores: [2, 1] })
  await expect(evaluate(variant, [talk], AbortSignal.abort())).rejects.toThrow(/deadline/)
})
