import { expect } from 'vitest'
import { lexicalEmbedder } from '../../../../sidecar/adapters/in-process/lexical-embedder.ts'
import type { Embedder } from '../../../../sidecar/ports/embedder.ts'
import { said, type TestApp, type TestAppOptions, testApp } from '../../test-app.ts'

export interface Chat extends TestApp {
  /** Embedded queries, one per search. */
  searches: string[]
  /** Adds a message of the user as a turn of conversation `c` and returns the id of its first memory. */
  say: (turn: number, text: string, rest?: Record<string, unknown>) => Promise<string>
  // biome-ignore lint/suspicious/noExplicitAny: a response body, which the test checks
  ask: (turn: number | undefined, rest?: Record<string, unknown>) => Promise<any>
}

/** A conversation over HTTP; by default with a window of 5 and strategy `cached`. */
export function chat(options: TestAppOptions = {}): Chat {
  const searches: string[] = []
  const { embed, ...lexical } = options.embedder ?? lexicalEmbedder()
  const embedder: Embedder = {
    ...lexical,
    async embed(texts, purpose, ...rest) {
      // Several at a time measure the scale of the similarities.
      if (purpose === 'query' && texts.length === 1) searches.push(...texts)
      return await embed(texts, purpose, ...rest)
    },
  }
  const app = testApp({ ...options, embedder })
  return {
    ...app,
    searches,
    async say(turn, text, rest = {}) {
      app.clock.advance(1)
      const { status, body } = await app.call(
        'POST',
        '/v1/memories',
        said(text, { conversation_id: 'c', turn, ...rest }),
      )
      expect(status).toBeLessThan(300)
      return body.events[0]?.id
    },
    async ask(turn, rest = {}) {
      const { status, body } = await app.call('POST', '/v1/recall', {
        ...{ user_id: 'ada', query: 'What about Kyoto?', conversation_id: 'c', turn },
        ...{ strategy: 'cached', window_size: 5, top_k: 3 },
        ...rest,
      })
      expect(status).toBe(200)
      return body
    },
  }
}
