import { describe, expect, it } from 'vitest'
import { eventually } from '../helpers/redis-subject.ts'
import { startScriptedOpenAi } from '../helpers/scripted-openai/server.ts'
import { openSidecar } from '../helpers/sidecar.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const TURN = { user_id: 'ada', messages: [{ role: 'user', content: 'I am allergic to peanuts.' }] }
const RECALL = { user_id: 'ada', query: 'allergic to peanuts?', strategy: 'per_query' }

describe('an embedding endpoint that is unreachable when the sidecar starts', () => {
  it('degrades recall if EMBEDDING_DIMENSIONS is set, and is used again when it is back', async () => {
    await using endpoint = await startScriptedOpenAi()
    const env = {
      DATA_DIR: tempDir(),
      OPENAI_BASE_URL: endpoint.url,
      EMBEDDING_MODEL: 'embed',
      EMBEDDING_DIMENSIONS: '64',
      LLM_RETRIES: '0',
      EMBEDDING_DEADLINE_MS: '10000',
      LOG_LEVEL: 'warn',
    }
    const before = await openSidecar(env)
    expect((await before.call('POST', '/v1/memories', TURN)).status).toBe(200)
    await before.close()

    endpoint.rules.replace({ status: 503 })
    await expect(openSidecar({ ...env, EMBEDDING_DIMENSIONS: '' })).rejects.toThrow(
      /EMBEDDING_MODEL, OPENAI_BASE_URL: .*503.*With EMBEDDING_DIMENSIONS set/,
    )

    const sidecar = await openSidecar(env)
    expect(sidecar.err()).toContain('embedding model unavailable')
    const { body } = await sidecar.call('POST', '/v1/recall', RECALL)
    expect(body.context).toContain('peanuts')
    expect(body.degraded).toContain('embedding')

    endpoint.rules.replace()
    await eventually(
      () => sidecar.call('POST', '/v1/recall', RECALL),
      (answer) => answer.body.status === 'ok' && !answer.body.degraded?.length,
      60_000,
    )
    const more = { ...TURN, messages: [{ role: 'user', content: 'I moved to Kyoto.' }] }
    expect((await sidecar.call('POST', '/v1/memories', more)).status).toBe(200)
  }, 120_000)

  it('fails the start on an error that retrying cannot fix, without printing the key', async () => {
    await using endpoint = await startScriptedOpenAi({ apiKey: 'right' })
    const env = { DATA_DIR: tempDir(), OPENAI_BASE_URL: endpoint.url, EMBEDDING_MODEL: 'embed' }
    const opening = openSidecar({ ...env, EMBEDDING_DIMENSIONS: '64', OPENAI_API_KEY: 'wrong' })
    const { message } = await opening.then(
      () => expect.fail(),
      (error: Error) => error,
    )
    expect(message).toMatch(/EMBEDDING_MODEL, OPENAI_BASE_URL: cannot embed a text/)
    expect(message).not.toContain('wrong')
  })
})
