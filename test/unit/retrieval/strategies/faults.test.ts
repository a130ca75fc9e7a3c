import { describe, expect, it, onTestFinished } from 'vitest'
import { createInProcessScopeState } from '../../../../sidecar/adapters/in-process/scope-state.ts'
import { CacheUnavailable } from '../../../../sidecar/ports/cache-store.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import type { ScopeState } from '../../../../sidecar/ports/scope-state.ts'
import { stoppedClock } from '../../../helpers/clock.ts'
import { chat } from '../../../helpers/retrieval/strategies/helpers.ts'

const state = () => createInProcessScopeState({ maxEntries: 100, maxBytes: 1e7, now: stoppedClock().now })

/** Runs `gate` before each call of these methods. */
function gated(
  inner: ScopeState,
  methods: readonly (keyof ScopeState)[],
  gate: () => Promise<void>,
): ScopeState {
  const wrapped = { ...inner } as Record<string, unknown>
  for (const name of methods) {
    wrapped[name] = async (...args: never[]) => {
      await gate()
      return await (inner[name] as (...args: never[]) => unknown)(...args)
    }
  }
  return wrapped as unknown as ScopeState
}

const unreachable = () => Promise.reject(new CacheUnavailable('unreachable', 'away'))
const never = () => new Promise<never>(() => {})

/** Calls that settle at the end of the test: a few scans that never do would hold up those of all later tests. */
function untilEnd(): () => Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  onTestFinished(() => reject(new Error('the test has ended')))
  return () => promise
}

describe('concurrent builds of a block', () => {
  it('search once for 100 concurrent recalls', async () => {
    const app = chat({ strategies: { waitMs: 60_000 } })
    await app.say(1, 'I live in Kyoto.')
    const answers = await Promise.all(Array.from({ length: 100 }, () => app.ask(2)))
    expect(app.searches).toHaveLength(1)
    expect(answers.filter(({ cache }) => cache.result === 'miss')).toHaveLength(1)
    expect(new Set(answers.map(({ block }) => block)).size).toBe(1)
  })

  it('wait for the block of another process', async () => {
    const scopeState = state()
    const app = chat({ scopeState })
    await app.say(1, 'I live in Kyoto.')
    const { cache } = await app.ask(2)
    // The first process holds the lease until its block is visible.
    const keys: string[] = []
    const other = chat({
      scopeState: {
        ...scopeState,
        async lease(scope, key, ttlMs) {
          keys.push(key)
          if (keys.length === 1) return undefined
          return await scopeState.lease(scope, key, ttlMs)
        },
        async read(scope, key) {
          return keys.length === 0
            ? { counters: await scopeState.counters(scope), block: undefined }
            : await scopeState.read(scope, key)
        },
      },
    })
    const answer = await other.ask(2)
    expect(answer.cache).toEqual({ ...cache, result: 'hit', reason: 'hit' })
    expect(other.searches).toEqual([])
  })

  it('do not wait for a process that never releases the lease', async () => {
    const scopeState = state()
    const app = chat({
      scopeState: { ...scopeState, lease: async () => undefined },
      strategies: { waitMs: 40 },
    })
    await app.say(1, 'I live in Kyoto.')
    expect((await app.ask(2)).cache).toMatchObject({ result: 'miss', reason: 'first' })
    expect((await app.ask(2)).cache.result).toBe('hit')
  })

  it('build again after a removal during the build, and do not store the block after a second one', async () => {
    const scopeState = state()
    let removals = 0
    const app = chat({
      scopeState: {
        ...scopeState,
        async fill(scope, ...rest) {
          if (removals-- > 0) await scopeState.bump(scope, 'fence')
          return await scopeState.fill(scope, ...rest)
        },
      },
    })
    await app.say(1, 'I live in Kyoto.')
    removals = 1
    expect((await app.ask(2)).cache).toMatchObject({ result: 'miss', serves_until_turn: 6 })
    expect(app.searches).toHaveLength(2)
    removals = 2
    const answer = await app.ask(2, { refresh: true })
    expect(answer.block).toContain('Kyoto')
    expect(answer.cache).toMatchObject({ result: 'miss', serves_until_turn: null })
    expect(app.searches).toHaveLength(4)
  })
})

describe('an unavailable scope state', () => {
  it.each(['read', 'counters', 'turns', 'lease'] as const)(
    '(%s) answers per query and reports `cache` in degraded',
    async (method) => {
      const app = chat({ scopeState: gated(state(), [method], unreachable) })
      await app.say(1, 'I live in Kyoto.')
      expect(await app.ask(2, { window_size: 2, turn: 9 })).toMatchObject({
        ...{ status: 'degraded', degraded: ['cache'], strategy: 'per_query', block: '' },
        ...{ delta: expect.stringContaining('Kyoto'), cache: { result: 'none', reason: 'unavailable' } },
      })
    },
  )

  it.each(['fill', 'noteTurn'] as const)('(%s) does not degrade the answer', async (method) => {
    const app = chat({ scopeState: gated(state(), [method], unreachable) })
    await app.say(1, 'I live in Kyoto.')
    const answer = await app.ask(2)
    expect(answer).toMatchObject({
      status: 'ok',
      strategy: 'cached',
      block: expect.stringContaining('Kyoto'),
    })
    expect(answer.cache.serves_until_turn).toBe(method === 'fill' ? null : 6)
  })

  it('prevents serving blocks while a deletion is not announced', async () => {
    let isAway = false
    const app = chat({
      scopeState: gated(state(), ['bump', 'clear'], async () => {
        if (isAway) await unreachable()
      }),
    })
    const id = await app.say(1, 'I live in Kyoto.')
    await app.ask(2)
    isAway = true
    await app.call('DELETE', `/v1/memories/${id}?user_id=ada`)
    isAway = false
    expect(await app.ask(2)).toMatchObject({ status: 'degraded', strategy: 'per_query', context: '' })
  })
})

describe('at the deadline, a recall answers', () => {
  it('with nothing if there is neither a block nor a profile', async () => {
    const app = chat({ scopeState: gated(state(), ['counters'], never), strategies: { deadlineMs: 30 } })
    expect(await app.ask(2)).toMatchObject({
      ...{ status: 'degraded', degraded: ['deadline', 'nothing'], context: '', memories: [] },
      cache: { result: 'none' },
    })
  })

  it('with the last block if it is correct, otherwise with the profile', async () => {
    let isLate = false
    const scopeState = gated(state(), ['counters'], async () => {
      if (isLate) await never()
    })
    const app = chat({ scopeState, strategies: { deadlineMs: 1000 } })
    await app.say(1, 'I live in Kyoto.')
    const { block } = await app.ask(2)
    await app.say(2, 'I keep bees.')
    isLate = true
    for (const rest of [{ freshness: 'write' }, { refresh: true }]) {
      expect(await app.ask(3, rest)).toMatchObject({
        ...{ status: 'degraded', degraded: ['deadline', 'block'], block },
      })
    }
    // This block would hide turns, so the fallback is the profile.
    expect(await app.ask(7)).toMatchObject({
      ...{ status: 'degraded', degraded: ['deadline', 'profile'], block: '' },
      ...{ context: expect.stringContaining('bees'), cache: { result: 'none' } },
    })
  })

  it('with the block alone if the delta is late', async () => {
    let isLate = false
    const app = chat({ strategies: { deadlineMs: 1000 }, embeddingDeadlineMs: 60_000 })
    const { embed } = app.services.embedder
    await app.say(1, 'I live in Kyoto.')
    const { block } = await app.ask(2, { strategy: 'cached_delta' })
    isLate = true
    app.services.embedder.embed = async (...args) => (isLate ? await never() : await embed(...args))
    expect(await app.ask(3, { strategy: 'cached_delta' })).toMatchObject({
      ...{ status: 'degraded', degraded: ['delta', 'deadline', 'block'], block, delta: '' },
      cache: { result: 'hit' },
    })
  })

  it('with the profile, filtered and within the budget, if the query embedding is late', async () => {
    const app = chat({ strategies: { deadlineMs: 1000 }, embeddingDeadlineMs: 60_000 })
    await app.say(1, 'I live in Kyoto.', { agent_id: 'guide' })
    await app.say(2, 'I keep bees.')
    // Loads the token counter.
    await app.ask(3)
    app.services.embedder.embed = never
    const [answers, withDelta, narrowed, small, filtered] = await Promise.all([
      Promise.all(['per_query', 'cached'].map((strategy) => app.ask(8, { strategy, top_k: 4 }))),
      app.ask(8, { strategy: 'cached_delta' }),
      app.ask(8, { agent_id: 'guide' }),
      app.ask(8, { token_budget: 5 }),
      // A profile cannot apply filters.
      app.ask(8, { filters: { turn: 1 } }),
    ])
    for (const answer of answers) {
      expect(answer).toMatchObject({
        ...{ status: 'degraded', degraded: ['deadline', 'profile'], block: '', count: 2 },
        ...{ context: expect.stringMatching(/Kyoto.*\n.*bees/), delta: answer.context },
      })
    }
    // Its block does not depend on the query.
    expect(withDelta).toMatchObject({
      ...{ status: 'degraded', degraded: ['delta', 'deadline', 'block'], delta: '', count: 2 },
      ...{ context: expect.stringMatching(/Kyoto.*\n.*bees/), block: withDelta.context },
    })
    expect(narrowed).toMatchObject({ count: 1, context: expect.not.stringContaining('bees') })
    const nothing = { degraded: ['deadline', 'nothing'], context: '', count: 0 }
    expect(small).toMatchObject(nothing)
    expect(filtered).toMatchObject(nothing)
  })

  it('with nothing if the store is late', async () => {
    let isLate = false
    const late = untilEnd()
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      scroll: async (...args) => (isLate ? await late() : await records.scroll(...args)),
      search: async (...args) => (isLate ? await late() : await records.search(...args)),
      get: async (...args) => (isLate ? await late() : await records.get(...args)),
    })
    const app = chat({ wrapRecords, strategies: { deadlineMs: 50 } })
    await app.say(1, 'I live in Kyoto.')
    isLate = true
    for (const strategy of ['per_query', 'cached', 'cached_delta']) {
      expect(await app.ask(2, { strategy })).toMatchObject({
        ...{ status: 'degraded', degraded: ['deadline', 'nothing'], context: '' },
      })
    }
  })

  it('with nothing if all backends are late', async () => {
    let isLate = false
    const late = untilEnd()
    const lateOr = async <T>(run: () => Promise<T>) => (isLate ? await late() : await run())
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      scroll: (...args) => lateOr(() => records.scroll(...args)),
      get: (...args) => lateOr(() => records.get(...args)),
    })
    const scopeState = gated(state(), ['read', 'counters', 'turns', 'noteTurn', 'lease', 'fill'], () =>
      lateOr(async () => {}),
    )
    const app = chat({ wrapRecords, scopeState, strategies: { deadlineMs: 50 }, embeddingDeadlineMs: 60_000 })
    await app.say(1, 'I live in Kyoto.')
    isLate = true
    app.services.embedder.embed = never
    for (const strategy of ['per_query', 'cached', 'cached_delta']) {
      expect(await app.ask(2, { strategy })).toMatchObject({
        ...{ status: 'degraded', degraded: ['deadline', 'nothing'], context: '', block: '', delta: '' },
      })
    }
  })

  it('with the block if the store is unavailable for the delta, and fails without a fallback', async () => {
    let isAway = false
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      async scroll(...args) {
        if (isAway) throw new Error('no store')
        return await records.scroll(...args)
      },
      async search(...args) {
        if (isAway) throw new Error('no store')
        return await records.search(...args)
      },
    })
    const scopeState = state()
    const first = chat({ scopeState })
    await first.say(1, 'I live in Kyoto.')
    const { block } = await first.ask(2, { strategy: 'cached_delta' })
    isAway = true
    const app = chat({ scopeState, wrapRecords, expectErrors: true })
    expect(await app.ask(2, { strategy: 'cached_delta' })).toMatchObject({
      ...{ status: 'degraded', degraded: ['delta', 'records', 'block'], block, delta: '' },
    })
    const { status } = await app.call('POST', '/v1/recall', { query: 'q', user_id: 'ada' })
    expect(status).toBe(503)
  })
})
