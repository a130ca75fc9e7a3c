import { describe, expect, it } from 'vitest'
import { reembedCommand } from '../../sidecar/app/reembed.ts'
import { runCommand } from '../helpers/command.ts'
import { startFakeQdrant } from '../helpers/fake-qdrant/server.ts'
import { startScriptedOpenAi } from '../helpers/scripted-openai/server.ts'
import { openSidecar } from '../helpers/sidecar.ts'
import { tempDir } from '../helpers/temp-dir.ts'

/** Runs the command; returns its exit code and output. */
async function reembed(env: Record<string, string>, ...options: string[]) {
  const { code, out, err } = await runCommand(reembedCommand, env, ...options)
  return { code, said: out + err }
}

const RECALL = { user_id: 'ada', query: 'allergic to peanuts?', strategy: 'per_query' }
const add = (content: string) => ({ user_id: 'ada', messages: [{ role: 'user', content }] })

describe('npm run reembed', { timeout: 120_000 }, () => {
  it.each(['Qdrant', 'SQLite'])('on %s embeds all memories with the configured embedder', async (where) => {
    await using qdrant = await startFakeQdrant()
    await using endpoint = await startScriptedOpenAi()
    const place: Record<string, string> =
      where === 'Qdrant' ? { DATA_DIR: tempDir(), QDRANT_URL: qdrant.url } : { DATA_DIR: tempDir() }
    const neural = { ...place, OPENAI_BASE_URL: endpoint.url, EMBEDDING_MODEL: 'embed', LLM_RETRIES: '0' }
    expect(await reembed(neural)).toMatchObject({ code: 0, said: expect.stringContaining('Nothing to do') })

    const first = await openSidecar(place)
    for (const text of ['I am allergic to peanuts.', 'I moved to Kyoto.', 'I play the cello.']) {
      expect((await first.call('POST', '/v1/memories', add(text))).status).toBe(200)
    }
    await first.close()
    await expect(openSidecar(neural)).rejects.toThrow('npm run reembed')

    const away = { ...neural, EMBEDDING_MODEL: 'embed', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }
    const failed = await reembed(away)
    expect(failed.code).not.toBe(0)
    expect(failed.said).toMatch(/EMBEDDING_MODEL, OPENAI_BASE_URL/)

    const done = await reembed(neural)
    expect(done).toMatchObject({ code: 0, said: expect.stringContaining('Done: 3 memories embedded') })
    expect(await reembed(neural)).toMatchObject({
      code: 0,
      said: expect.stringContaining('Nothing to embed'),
    })
    const second = await openSidecar(neural)
    expect((await second.call('POST', '/v1/recall', RECALL)).body.context).toContain('allergic to peanuts')
    await second.close()
    if (where === 'SQLite') return

    const back = await reembed(place, '--rollback')
    expect(back.code, back.said).toBe(0)
    const third = await openSidecar(place)
    expect((await third.call('POST', '/v1/recall', RECALL)).body.context).toContain('allergic to peanuts')
  })

  it.each(['Qdrant', 'SQLite'])(
    'on %s leaves a store to the nodes that embed with a model of Dify',
    async (where) => {
      await using qdrant = await startFakeQdrant()
      const place: Record<string, string> =
        where === 'Qdrant' ? { DATA_DIR: tempDir(), QDRANT_URL: qdrant.url } : { DATA_DIR: tempDir() }
      const first = await openSidecar(place)
      const texts = ['I am allergic to peanuts.', 'I play the cello.']
      for (const text of texts) await first.call('POST', '/v1/memories', add(text))
      await first.close()
      const env = { ...place, EMBEDDING_MODEL: 'dify:e', EMBEDDING_DIMENSIONS: '2' }
      const done = await reembed(env)
      expect(done).toMatchObject({
        code: 0,
        said: expect.stringContaining('nodes with this embedding model'),
      })

      const second = await openSidecar(env)
      const embedded: string[] = []
      let answer: object | undefined
      for (;;) {
        const takes = ['query', 'document']
        const body = { user_id: 'bob', takes, embedding_model: 'e', wait_ms: 20_000, answer }
        const { request } = (await second.call('POST', '/v1/model-requests', body)).body
        if (!request) break
        embedded.push(...request.texts)
        answer = { id: request.id, vectors: request.texts.map(() => [1, 0]) }
      }
      expect(embedded).toEqual(expect.arrayContaining(texts))
      await second.close()
      expect((await reembed(env)).said).toContain('Nothing to embed')
    },
  )

  it.each(['Qdrant', 'SQLite'])(
    'on %s embeds a store again that was filled without prefixes',
    async (where) => {
      await using qdrant = await startFakeQdrant()
      await using endpoint = await startScriptedOpenAi()
      const env: Record<string, string> = {
        DATA_DIR: tempDir(),
        ...(where === 'Qdrant' ? { QDRANT_URL: qdrant.url } : {}),
        OPENAI_BASE_URL: endpoint.url,
        EMBEDDING_MODEL: 'multilingual-e5-small',
        LLM_RETRIES: '0',
      }
      const plain = { ...env, EMBEDDING_QUERY_PREFIX: 'none', EMBEDDING_DOCUMENT_PREFIX: 'none' }
      const first = await openSidecar(plain)
      await first.call('POST', '/v1/memories', add('I am allergic to peanuts.'))
      await first.close()
      await expect(openSidecar(env)).rejects.toThrow(/EMBEDDING_DOCUMENT_PREFIX: .*with no prefixes/)
      const done = await reembed(env)
      expect(done.said).toContain('Done: 1 memories embedded')
      expect(endpoint.requests.at(-1)?.body.input).toEqual(['passage: I am allergic to peanuts.'])
      const second = await openSidecar(env)
      expect((await second.call('POST', '/v1/recall', RECALL)).body.context).toContain('allergic to peanuts')
      // Beside it, the sidecar measures the similarities of the model.
      const inputs = endpoint.requests.map(({ body }) => body.input)
      expect(inputs).toContainEqual([`query: ${RECALL.query}`])
      await second.close()
    },
  )
})
