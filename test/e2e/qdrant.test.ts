import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { type FakeQdrant, startFakeQdrant } from '../helpers/fake-qdrant/server.ts'
import { TABLE } from '../helpers/learning/buffer/model.ts'
import { memoryModel } from '../helpers/memory-model.ts'
import { eventually } from '../helpers/redis-subject.ts'
import { startScriptedOpenAi } from '../helpers/scripted-openai/server.ts'
import { refusalOf, startSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'

function start(server: FakeQdrant, env: Record<string, string> = {}) {
  return startSidecar({ DATA_DIR: tempDir(), QDRANT_URL: server.url, LOG_LEVEL: 'warn', ...env })
}

const TURN = { user_id: 'ada', messages: [{ role: 'user', content: 'I am allergic to peanuts.' }] }
const RECALL = { user_id: 'ada', query: 'allergic to peanuts?', strategy: 'per_query' }

describe('a sidecar on Qdrant', () => {
  it('keeps memories over kill -9, reports Qdrant in the status, and recovers from an outage', async () => {
    await using server = await startFakeQdrant()
    const first = await start(server)
    expect(first.out()).toContain('qdrant')
    expect((await first.call('POST', '/v1/memories', TURN)).status).toBe(200)
    expect((await first.call('POST', '/v1/recall', RECALL)).body).toMatchObject({ status: 'ok', count: 1 })
    expect(await first.call('GET', '/readyz')).toMatchObject({
      status: 200,
      body: { backends: { records: { kind: 'qdrant', status: 'ok' } } },
    })
    first.child.kill('SIGKILL')
    await first.ended

    const second = await start(server)
    const { body } = await second.call('POST', '/v1/recall', RECALL)
    expect(body).toMatchObject({ status: 'ok', count: 1 })
    expect(body.context).toContain('allergic to peanuts')
    expect((await second.call('POST', '/v1/recall', { ...RECALL, user_id: 'bob' })).body.count).toBe(0)

    server.fault = () => ({ status: 503 })
    expect(await second.call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: {
        backends: { records: { status: 'failed', error: expect.stringMatching(/^qdrant at 127.*503/) } },
      },
    })
    expect(await second.call('POST', '/v1/memories', TURN)).toMatchObject({
      status: 503,
      body: { error: { code: 'backend_unavailable', message: expect.stringMatching(/qdrant at/) } },
    })
    server.fault = () => undefined
    expect((await second.call('GET', '/readyz')).status).toBe(200)
    const more = { ...TURN, messages: [{ role: 'user', content: 'I moved to Kyoto.' }] }
    expect((await second.call('POST', '/v1/memories', more)).status).toBe(200)
    expect(
      (await second.call('POST', '/v1/recall', { ...RECALL, query: 'Kyoto' })).body.count,
    ).toBeGreaterThan(0)
    second.child.kill('SIGTERM')
    expect(await second.ended).toEqual({ code: 0, signal: null })
    expect(second.err()).not.toContain('peanuts')
  })

  it('keeps pending turns and their schedule over kill -9 without Redis', async () => {
    await using server = await startFakeQdrant()
    await using model = await startScriptedOpenAi({ rules: [{ answer: memoryModel(TABLE) }] })
    const dataDir = tempDir()
    const env = {
      DATA_DIR: dataDir,
      OPENAI_BASE_URL: model.url,
      LLM_MODEL: 'scripted',
      BUFFER_IDLE_MS: '3600000',
    }
    const first = await start(server, env)
    expect((await first.call('GET', '/readyz')).body.backends.queue).toMatchObject({
      kind: 'sqlite',
      status: 'ok',
    })
    const turn = { user_id: 'ada', messages: [{ role: 'user', name: 'Ada', content: 'I live in Leeds' }] }
    expect((await first.call('POST', '/v1/memories', turn)).status).toBe(202)
    // The turn is acknowledged before its schedule is stored, which a start would restore.
    const queue = new DatabaseSync(join(dataDir, 'queue.db'), { readOnly: true })
    const count = () => queue.prepare('SELECT count(*) AS count FROM wishes').get()?.['count']
    await expect.poll(count).toBe(1)
    first.child.kill('SIGKILL')
    await first.ended
    expect(count()).toBe(1)
    queue.close()

    const second = await start(server, env)
    await eventually(
      async () => (await second.call('GET', '/v1/memories?user_id=ada')).body.memories[0]?.memory,
      (memory) => memory === 'Ada lives in Leeds.',
    )
  })

  it('deletes the data of a forgotten user from Qdrant', async () => {
    await using server = await startFakeQdrant()
    const sidecar = await start(server)
    await sidecar.call('POST', '/v1/memories', TURN)
    expect((await sidecar.call('DELETE', '/v1/memories?user_id=ada')).status).toBe(200)
    const stored = [...server.state.collections.values()].flatMap(({ points }) => [...points.values()])
    expect(JSON.stringify(stored)).not.toContain('peanuts')
  })

  it('fails to start without the API key and names the variable', async () => {
    await using server = await startFakeQdrant({ apiKey: 'hunter2-hunter2' })
    const env = { DATA_DIR: tempDir(), QDRANT_URL: server.url, QDRANT_API_KEY: 'swordfish' }
    const { code, err } = await refusalOf(env)
    expect(code).not.toBe(0)
    expect(err).toMatch(
      /QDRANT_URL: qdrant at 127\.0\.0\.1:\d+: the API key was rejected \(401\); set QDRANT_API_KEY/,
    )
    expect(err).not.toContain('swordfish')
    const sidecar = await start(server, { QDRANT_API_KEY: 'hunter2-hunter2' })
    expect((await sidecar.call('GET', '/readyz')).status).toBe(200)
  })
})
