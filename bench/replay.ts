/*
 * npm run bench -- replay [--data bench/talks/data]
 *
 * Whether a replay can be trusted, on labelled conversations: how well it recognises the memories that an answer drew
 * on, and whether grounded recall ranks the strategies as the labelled evidence does. The method was chosen on the first
 * persona of each language; the second ones check it.
 */
import { fromTalk, SHIPPED_TALKS } from './dialogues/read.ts'
import { readOptions } from './lib/options.ts'
import { table } from './lib/table.ts'
import { measureGrounding } from './replay/grounding.ts'
import { rankCorrelation } from './replay/rank-correlation.ts'
import { type Ranked, rankSettings } from './replay/ranking.ts'
import { readTalks, type Talk } from './talks/dataset.ts'

const options = readOptions({ data: SHIPPED_TALKS })
const talks = readTalks(options.data)
const halves: [name: string, talks: Talk[]][] = [
  ['chosen on', talks.filter(({ id }) => id.endsWith('-1'))],
  ['checked on', talks.filter(({ id }) => !id.endsWith('-1'))],
]

console.log('## Memories that an answer drew on\n')
const quality = halves.flatMap(([half, some]) =>
  [false, true].map((isInReply) => {
    const { precision, recall, falseReplies } = measureGrounding(some, talks, isInReply)
    const shares = [precision, recall, falseReplies].map((share) => share.toFixed(2))
    return [half, isInReply ? 'in a longer reply' : 'as labelled', ...shares]
  }),
)
const falseHeader = 'replies to another persona with a memory'
console.log(table([['personas', 'answer', 'precision', 'recall', falseHeader], ...quality]))

for (const [half, some] of halves) {
  const { ranked, tally } = await rankSettings(some.map(fromTalk))
  console.log(`\n## Ranking of the strategies, ${half}: ${some.map(({ id }) => id).join(', ')}\n`)
  console.log(
    `${tally.turns} turns, ${ranked[0]?.questions} of them questions with evidence; ${tally.grounded_turns} answers drew on a memory\n`,
  )
  console.log(
    table([
      ['strategy/N', 'evidence recall', 'grounded recall of the questions', 'of all turns', 'billed tokens'],
      ...ranked.map((one) => [
        one.key,
        ...[one.evidence, one.groundedOfQuestions, one.grounded].map((share) => share.toFixed(3)),
        one.billed.toFixed(0),
      ]),
    ]),
  )
  const correlation = (of: (one: Ranked) => number) =>
    rankCorrelation(
      ranked.map(of),
      ranked.map(({ evidence }) => evidence),
    ).toFixed(2)
  console.log(
    `\nrank correlation with evidence recall: ${correlation((one) => one.groundedOfQuestions)} of the questions, ` +
      `${correlation((one) => one.grounded)} of all turns`,
  )
}
