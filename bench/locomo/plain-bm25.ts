import { readText, termsOf } from '../../sidecar/text/terms/tokens.ts'
import type { Conversation } from './dataset.ts'
import type { QuestionResult } from './evaluate.ts'
import { contentOf, type FeedOptions } from './feed.ts'

/**
 * The baseline: textbook BM25 (k1 = 1.2, b = 0.75) over whole messages with the speaker's name in the text, stemmed,
 * without stop words.
 */
export function askPlainBm25(conversation: Conversation, k: number, options: FeedOptions): QuestionResult[] {
  const { messages, questions } = conversation
  const documents = messages.map((message) => tokens(`${message.speaker}: ${contentOf(message, options)}`))
  const average = documents.reduce((sum, document) => sum + document.length, 0) / documents.length
  const frequency = new Map<string, number>()
  for (const document of documents) {
    for (const term of new Set(document)) frequency.set(term, (frequency.get(term) ?? 0) + 1)
  }
  const score = (document: readonly string[], query: readonly string[]) => {
    let sum = 0
    for (const term of query) {
      const tf = document.filter((one) => one === term).length
      const df = frequency.get(term) ?? 0
      const idf = Math.log(1 + (documents.length - df + 0.5) / (df + 0.5))
      sum += (idf * tf * 2.2) / (tf + 1.2 * (0.25 + (0.75 * document.length) / average))
    }
    return sum
  }
  return questions
    .filter(({ category }) => category !== 5)
    .map((question) => {
      const query = tokens(question.question)
      const order = documents
        .map((document, i) => ({ i, score: score(document, query) }))
        .sort((a, b) => b.score - a.score || a.i - b.i)
      return { question, found: order.slice(0, k).map(({ i }) => messages[i]?.id ?? '') }
    })
}

function tokens(text: string): readonly string[] {
  return termsOf(readText(text))
}
