import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { type Mode, startRedisProxy } from '../helpers/redis-proxy.ts'
import { NEEDS, NO_REDIS, startRedis } from '../helpers/redis-server.ts'
import { eventually } from '../helpers/redis-subject.ts'
import { type RunningSidecar, startSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'

/** Error answers of a Redis that is running but cannot serve, and a connection reset within an answer. */
const FAULTS: readonly [string, Mode, RegExp][] = [
  ['is loading', { error: 'LOADING Redis is loading the dataset in memory' }, /loading/i],
  ['is a replica', { error: "READONLY You can't write against a read only replica." }, /READONLY/],
  ['is full', { error: "OOM command not allowed when used memory > 'maxmemory'." }, /OOM/],
  ['resets the connection in the middle of an answer', 'cut', /./],
]

function asAda(sidecar: RunningSidecar) {
  return {
    say: async (turn: number, content: string) => {
      const body = { user_id: 'ada', conversation_id: 'c', turn, messages: [{ role: 'user', content }] }
      const added = await sidecar.call('POST', '/v1/memories', body)
      expect(added.status).toBe(200)
      return added.body.events[0].id as string
    },
    recall: async (turn: number) => {
      const body = {
        user_id: 'ada',
        query: 'Where in Leeds do I drink green tea?',
        conversation_id: 'c',
        turn,
      }
      const answer = await sidecar.call('POST', '/v1/recall', { ...body, strategy: 'cached', window_size: 4 })
      expect(answer.status).toBe(200)
      const { context, degraded, cache } = answer.body
      return { context: context as string, degraded: degraded as string[], cache: cache.result as string }
    },
    ready: async () => await sidecar.call('GET', '/readyz'),
  }
}

describe.skipIf(NO_REDIS)(`a sidecar whose Redis ${NEEDS}`, () => {
  it.each(FAULTS)(
    '%s serves no stale memory, reports the error on /readyz, and recovers without a restart',
    async (_, mode, says) => {
      await using redis = await startRedis()
      const proxy = await startRedisProxy(redis.port)
      const sidecar = await startSidecar({ DATA_DIR: tempDir(), REDIS_URL: proxy.url, LOG_LEVEL: 'warn' })
      const { say, recall, ready } = asAda(sidecar)
      const tea = await say(1, 'I like green tea.')
      await say(2, 'I live in Leeds.')
      await eventually(
        () => recall(3),
        ({ cache }) => cache === 'hit',
      )
      expect((await recall(3)).context).toContain('green tea')

      proxy.become(mode)
      // The first error may be that of the lost connection.
      const down = await eventually(ready, ({ body }) => says.test(body.backends.cache.error ?? ''))
      expect(down).toMatchObject({ status: 503, body: { backends: { cache: { status: 'failed' } } } })
      expect(down.body.backends.records).toMatchObject({ status: 'ok' })
      await say(3, 'I play the cello.')
      expect((await sidecar.call('DELETE', `/v1/memories/${tea}?user_id=ada`)).status).toBe(200)
      // At turn 8 the window contains none of the turns above.
      const meanwhile = await recall(8)
      expect(meanwhile.degraded).toContain('cache')
      expect(meanwhile.context).toContain('Leeds')
      expect(meanwhile.context).not.toContain('green tea')

      proxy.become('pass')
      const after = await eventually(
        () => recall(9),
        ({ degraded }) => degraded.length === 0,
      )
      for (const { context } of [after, await recall(9)]) {
        expect(context).toContain('cello')
        expect(context).not.toContain('green tea')
      }
      expect((await eventually(ready, ({ status }) => status === 200)).body.status).toBe('ready')
      expect(sidecar.err()).not.toContain('green tea')
    },
  )

  it('rejects the password: reports it without printing the password, and recovers when it is changed', async () => {
    await using redis = await startRedis(['--requirepass', 'right'])
    const sidecar = await startSidecar({
      DATA_DIR: tempDir(),
      REDIS_URL: `redis://:hunter2@127.0.0.1:${redis.port}`,
      LOG_LEVEL: 'warn',
    })
    const { say, recall, ready } = asAda(sidecar)
    expect(await ready()).toMatchObject({
      status: 503,
      body: { backends: { cache: { status: 'failed', error: expect.stringMatching(/WRONGPASS/) } } },
    })
    await say(1, 'I like green tea.')
    expect(await recall(8)).toMatchObject({
      degraded: ['cache'],
      context: expect.stringContaining('green tea'),
    })
    expect(sidecar.out() + sidecar.err()).not.toContain('hunter2')

    const admin = new Redis({ port: redis.port, password: 'right' })
    await admin.config('SET', 'requirepass', 'hunter2')
    admin.disconnect()
    await eventually(ready, ({ status }) => status === 200)
    await eventually(
      () => recall(9),
      ({ cache }) => cache === 'hit',
    )
  })
})
