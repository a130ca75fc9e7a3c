import { expect, it } from 'vitest'
import { fromTalk, SHIPPED_TALKS } from '../../../bench/dialogues/read.ts'
import { measureGrounding } from '../../../bench/replay/grounding.ts'
import { rankCorrelation } from '../../../bench/replay/rank-correlation.ts'
import { rankSettings } from '../../../bench/replay/ranking.ts'
import { readTalks } from '../../../bench/talks/dataset.ts'

const talks = readTalks(SHIPPED_TALKS)
const some = talks.filter(({ id }) => id === 'en-2' || id === 'zh-2')

it('ranks by Spearman, with mean ranks for equal values', () => {
  expect(rankCorrelation([1, 2, 3], [10, 20, 90])).toBeCloseTo(1)
  expect(rankCorrelation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1)
  expect(rankCorrelation([1, 1, 2], [5, 5, 9])).toBeCloseTo(1)
})

it('recognises the memories of labelled answers, and few in replies to another persona', () => {
  const { precision, recall, falseReplies } = measureGrounding(some, talks, false)
  expect(precision).toBeGreaterThan(0.9)
  expect(recall).toBeGreaterThan(0.5)
  expect(falseReplies).toBeLessThan(0.12)
})

it('ranks the strategies as the labelled evidence does', { timeout: 300_000 }, async () => {
  const { ranked } = await rankSettings(some.map(fromTalk), [3, 10])
  const evidence = ranked.map((one) => one.evidence)
  expect(
    rankCorrelation(
      ranked.map((one) => one.groundedOfQuestions),
      evidence,
    ),
  ).toBeGreaterThan(0.7)
})
