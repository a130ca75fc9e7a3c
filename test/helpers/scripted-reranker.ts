import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RerankRequest {
  headers: Record<string, unknown>
  body: { model?: string; query: string; documents: string[]; texts: string[]; top_n: number }
}

/** The shapes in which rerankers answer. `logits`: TEI with `raw_scores`. */
export type Shape = 'jina' | 'tei' | 'logits'

/** An HTTP server with `POST /rerank` that scores a document by the share of the words of the query that it has. */
export async function startScriptedReranker(shape: Shape = 'jina') {
  const requests: RerankRequest[] = []
  let answer: { status: number; body: string } | 'hang' | undefined
  let onRequest = () => {}
  const http = createServer(async (incoming, response) => {
    let text = ''
    for await (const chunk of incoming) text += chunk
    const body: RerankRequest['body'] = JSON.parse(text)
    requests.push({ headers: incoming.headers, body })
    onRequest()
    if (answer === 'hang') return
    const { status, body: sent } = answer ?? { status: 200, body: JSON.stringify(ranked(body, shape)) }
    response.writeHead(status, { 'content-type': 'application/json' }).end(sent)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/rerank`,
    requests,
    /** Every later request gets this instead; an object as JSON. */
    answerWith(status: number, body: unknown) {
      answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) }
    },
    /** Later requests get no answer. Resolves with the first of them. */
    hang() {
      answer = 'hang'
      return new Promise<void>((resolve) => {
        onRequest = resolve
      })
    },
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

function ranked({ query, documents }: RerankRequest['body'], shape: Shape): unknown {
  const words = query.split(' ')
  const scored = documents.map((document, index) => {
    const share = words.filter((word) => document.includes(word)).length / words.length
    return { index, score: shape === 'logits' ? 8 * share - 4 : share }
  })
  scored.sort((a, b) => b.score - a.score)
  if (shape !== 'jina') return scored
  return { model: 'm', results: scored.map(({ index, score }) => ({ index, relevance_score: score })) }
}
