import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import { NEEDS, NO_REDIS, type RedisServer, startRedis } from '../../../helpers/redis-server.ts'
import { chat } from '../../../helpers/retrieval/strategies/helpers.ts'
import { redisScopeState } from '../../../helpers/scope-state-subject.ts'

const HOUR_MS = 3_600_000
/** Connecting may be slow on a busy machine. */
const PATIENCE = { timeout: 15_000 }
const never = () => new Promise<never>(() => {})

describe.skipIf(NO_REDIS)(`a Redis that hangs ${NEEDS}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => await server[Symbol.asyncDispose]())

  function onRedis(
    timeoutMs: number,
    deadlineMs: number,
    wrapRecords?: (records: RecordStore) => RecordStore,
  ) {
    const scopeState = redisScopeState(server.url, { keyPrefix: `${timeoutMs}-${deadlineMs}:`, timeoutMs })
    onTestFinished(async () => {
      server.signal('SIGCONT')
      await scopeState.close()
    })
    return chat({
      scopeState,
      strategies: { deadlineMs },
      embeddingDeadlineMs: HOUR_MS,
      ...(wrapRecords ? { wrapRecords } : {}),
    })
  }

  it('and times out before the deadline: answers per query, and uses the cache again after it recovers', async () => {
    const app = onRedis(1000, HOUR_MS)
    await app.say(1, 'I live in Kyoto.')
    await expect.poll(async () => (await app.ask(2)).cache.result, PATIENCE).toBe('hit')
    server.signal('SIGSTOP')
    // Turn 1 has left the window, so the answer per query includes it.
    expect(await app.ask(6)).toMatchObject({
      ...{ status: 'degraded', degraded: ['cache'], strategy: 'per_query' },
      ...{ delta: expect.stringContaining('Kyoto'), cache: { result: 'none', reason: 'unavailable' } },
    })
    server.signal('SIGCONT')
    await expect.poll(async () => (await app.ask(6)).cache.result, PATIENCE).toBe('hit')
  })

  it('beyond the deadline: answers with the profile at the deadline', async () => {
    const app = onRedis(HOUR_MS, 1500)
    await app.say(1, 'I live in Kyoto.')
    await expect.poll(async () => (await app.ask(2)).cache.result, PATIENCE).toBe('hit')
    server.signal('SIGSTOP')
    const [cached, perQuery] = await Promise.all([app.ask(2), app.ask(6, { strategy: 'per_query' })])
    expect(cached).toMatchObject({
      ...{ status: 'degraded', degraded: ['deadline', 'profile'], block: '' },
      context: expect.stringContaining('Kyoto'),
    })
    expect(perQuery).toMatchObject({ status: 'ok', context: expect.stringContaining('Kyoto') })
  })

  it('while store and embedder hang too: answers with nothing at the deadline', async () => {
    let isLate = false
    const app = onRedis(HOUR_MS, 300, (records) => ({
      ...records,
      get: async (...args) => (isLate ? await never() : await records.get(...args)),
      scroll: async (...args) => (isLate ? await never() : await records.scroll(...args)),
    }))
    await app.say(1, 'I live in Kyoto.')
    app.services.embedder.embed = never
    isLate = true
    server.signal('SIGSTOP')
    const answers = await Promise.all(
      ['per_query', 'cached', 'cached_delta'].map((strategy) => app.ask(2, { strategy })),
    )
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 'degraded', degraded: ['deadline', 'nothing'], context: '' })
    }
  })
})
