import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Embedder } from '../../sidecar/ports/embedder.ts'
import { transcriptOf } from '../dialogues/dialogue.ts'
import { installMem0, MEM0_RELEASE } from '../mem0/install.ts'
import { startMem0 } from '../mem0/mem0.ts'
import type { AnswerSystem } from './system.ts'

/** mem0ai with `infer: false`: each message is one memory, as in verbatim mode, with the vectors of `embedder`. */
export function mem0(embedder: Embedder, topK: number): AnswerSystem {
  return {
    name: `mem0ai ${MEM0_RELEASE}`,
    async open({ turns }) {
      const installed = installMem0(MEM0_RELEASE)
      await using stack = new AsyncDisposableStack()
      const url = await serveEmbeddings(embedder, stack)
      const system = stack.use(await startMem0(installed, url, embedder.dimensions))
      for (const turn of turns) {
        const messages = turn.messages.map((message) => ({
          role: message.role,
          content: transcriptOf({ ...turn, messages: [message] }),
        }))
        await system.store(messages, { ref: turn.ref })
      }
      const opened = stack.move()
      return {
        contextFor: async ({ question }) => (await system.search(question, topK)).texts.join('\n'),
        [Symbol.asyncDispose]: () => opened.disposeAsync(),
      }
    },
  }
}

/** `POST /embeddings` of the OpenAI API on a free port. The API does not tell queries from documents. */
async function serveEmbeddings(embedder: Embedder, stack: AsyncDisposableStack): Promise<string> {
  const app = new Hono().post('/embeddings', async (c) => {
    const { input } = await c.req.json<{ input: string | string[] }>()
    const vectors = await embedder.embed([input].flat(), 'document')
    const data = vectors.map((vector, index) => ({ object: 'embedding', index, embedding: [...vector] }))
    return c.json({
      object: 'list',
      model: embedder.name,
      data,
      usage: { prompt_tokens: 0, total_tokens: 0 },
    })
  })
  const server = createAdaptorServer({ fetch: app.fetch })
  stack.defer(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
