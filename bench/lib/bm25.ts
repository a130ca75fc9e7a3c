import { readText, termsOf } from '../../sidecar/text/terms/tokens.ts'

/**
 * Textbook BM25 (k1 = 1.2, b = 0.75) over stems without stop words. The returned function scores every document for a
 * query.
 */
export function bm25(texts: readonly string[]): (query: string) => number[] {
  const documents = texts.map(tokens)
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
  return (query) => {
    const terms = tokens(query)
    return documents.map((document) => score(document, terms))
  }
}

function tokens(text: string): readonly string[] {
  return termsOf(readText(text))
}
