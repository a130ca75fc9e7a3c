import { describe, expect, it, onTestFinished } from 'vitest'
import { TABLE } from '../helpers/learning/buffer/model.ts'
import { memoryModel } from '../helpers/memory-model.ts'
import { NEEDS, NO_REDIS, startRedis } from '../helpers/redis-server.ts'
import { eventually } from '../helpers/redis-subject.ts'
import { startScriptedOpenAi } from '../helpers/scripted-openai/server.ts'
import { startSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const SAID = ['I live in Leeds', 'I have a cat', 'I speak Welsh']
const LEARNED = ['Ada has a cat.', 'Ada lives in Leeds.', 'Ada speaks Welsh.']

describe.skipIf(NO_REDIS)(`a Redis restart during a flush ${NEEDS}`, () => {
  it.each([
    ['before the model answers', true],
    ['after the model answers', false],
  ])(
    'extracts each fact once and rebuilds the cached block if Redis is back %s',
    async (_, isBackFirst) => {
      await using redis = await startRedis()
      const model = await startScriptedOpenAi({ rules: [{ answer: memoryModel(TABLE) }], usage: 'estimate' })
      onTestFinished(() => model[Symbol.asyncDispose]())
      const { call } = await startSidecar({
        ...{ DATA_DIR: tempDir(), REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '2000' },
        ...{ OPENAI_BASE_URL: model.url, LLM_MODEL: 'scripted', LLM_RETRIES: '0', BUFFER_IDLE_MS: '3600000' },
      })
      const pending = async () => (await call('GET', '/v1/pending?user_id=ada')).body.turns as unknown[]
      const recall = async (turn: number) =>
        (
          await call('POST', '/v1/recall', {
            ...{ user_id: 'ada', conversation_id: 'd', turn, window_size: 10, query: 'Who is Ada?' },
            ...{ strategy: 'cached', freshness: 'write' },
          })
        ).body
      for (const [i, content] of SAID.entries()) {
        const messages = [{ role: 'user', name: 'Ada', content }]
        const turn = { user_id: 'ada', conversation_id: 'c', turn: i + 1, messages }
        expect((await call('POST', '/v1/memories', turn)).status).toBe(202)
      }
      // On a busy machine, the first recall may exceed its deadline.
      const { block: blockBefore } = await eventually(
        () => recall(1),
        ({ degraded }) => degraded.length === 0,
      )
      expect(blockBefore).toContain('I have a cat')

      const answers = { answer: memoryModel(TABLE) }
      model.rules.replace({ latencyMs: isBackFirst ? 2000 : 300, times: 1, ...answers }, answers)
      const asked = model.requests.length
      expect((await call('POST', '/v1/flush', { user_id: 'ada', wait: false })).status).toBe(200)
      await model.received(asked + 1)
      await redis.kill()
      // Pending turns stay visible while Redis is unreachable.
      const { body: found } = await call('POST', '/v1/memories/search', { user_id: 'ada', query: 'a cat' })
      expect(found.memories.map(({ memory }: { memory: string }) => memory).join()).toMatch(/cat/)
      // The facts cannot be stored while the lock on Redis is unreachable.
      if (!isBackFirst) await model.answered(asked + 1)
      await redis.start()
      // A batch that could not be stored is rescheduled with backoff; a flush request runs it sooner.
      await eventually(
        async () => {
          const turns = await pending()
          if (turns.length > 0) await call('POST', '/v1/flush', { user_id: 'ada', wait: false })
          return turns
        },
        (turns) => turns.length === 0,
        60_000,
      )
      const { body } = await call('GET', '/v1/memories?user_id=ada')
      expect(body.memories.map(({ memory }: { memory: string }) => memory).sort()).toEqual(LEARNED)
      for (const { id } of body.memories) {
        const { body: past } = await call('GET', `/v1/memories/${id}/history?user_id=ada`)
        expect(past.history.map(({ event }: { event: string }) => event)).toEqual(['ADD'])
      }
      const { block } = await eventually(
        () => recall(2),
        ({ degraded }) => !degraded.includes('cache'),
        30_000,
      )
      for (const memory of LEARNED) expect(block).toContain(memory)
      expect(block).not.toContain('I have a cat')
    },
    120_000,
  )
})
