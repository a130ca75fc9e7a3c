import { bm25 } from '../lib/bm25.ts'
import type { Conversation } from './dataset.ts'
import type { QuestionResult } from './evaluate.ts'
import { contentOf, type FeedOptions } from './feed.ts'

/** The baseline: textbook BM25 over whole messages with the speaker's name in the text. */
export function askPlainBm25(conversation: Conversation, k: number, options: FeedOptions): QuestionResult[] {
  const { messages, questions } = conversation
  const score = bm25(messages.map((message) => `${message.speaker}: ${contentOf(message, options)}`))
  return questions
    .filter(({ category }) => category !== 5)
    .map((question) => {
      const order = score(question.question)
        .map((score, i) => ({ i, score }))
        .sort((a, b) => b.score - a.score || a.i - b.i)
      return { question, found: order.slice(0, k).map(({ i }) => messages[i]?.id ?? '') }
    })
}
