import { describe, expect, it } from 'vitest'
import { createInProcessScopeState } from '../../../sidecar/adapters/in-process/scope-state.ts'
import { CacheUnavailable } from '../../../sidecar/ports/cache-store.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import type { ScopeState } from '../../../sidecar/ports/scope-state.ts'
import { stoppedClock } from '../../helpers/clock.ts'
import { chat } from './helpers.ts'

const state = () => createInProcessScopeState({ maxEntries: 100, maxBytes: 1e7, now: stoppedClock().now })

/** Calls of these methods go through `gate` first. */
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

const away = () => Promise.reject(new CacheUnavailable('unreachable', 'away'))
const never = () => new Promise<never>(() => {})

describe('one block is built at a time:', () => {
  it('of a hundred recalls at once, one searches', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    const answers = await Promise.all(Array.from({ length: 100 }, () => app.ask(2)))
    expect(app.searches).toHaveLength(1)
    expect(answers.filter(({ cache }) => cache.result === 'miss')).toHaveLength(1)
    expect(new Set(answers.map(({ block }) => block)).size).toBe(1)
  })

  it('what another process builds is waited for', async () => {
    const scopeState = state()
    const app = chat({ scopeState })
    await app.say(1, 'I live in Kyoto.')
    const { cache } = await app.ask(2)
    // The other one has the lease, and fills in what it read before.
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

  it('a process that holds the lease for good is not waited for', async () => {
    const scopeState = state()
    const app = chat({
      scopeState: { ...scopeState, lease: async () => undefined },
      strategies: { waitMs: 40 },
    })
    await app.say(1, 'I live in Kyoto.')
    expect((await app.ask(2)).cache).toMatchObject({ result: 'miss', reason: 'first' })
    expect((await app.ask(2)).cache.result).toBe('hit')
  })

  it('one that is overtaken by a removal is built again, and not kept when it is overtaken twice', async () => {
    const scopeState = state()
    let overtaken = 0
    const app = chat({
      scopeState: {
        ...scopeState,
        async fill(scope, ...rest) {
          if (overtaken-- > 0) await scopeState.bump(scope, 'fence')
          return await scopeState.fill(scope, ...rest)
        },
      },
    })
    await app.say(1, 'I live in Kyoto.')
    overtaken = 1
    expect((await app.ask(2)).cache).toMatchObject({ result: 'miss', serves_until_turn: 6 })
    expect(app.searches).toHaveLength(2)
    overtaken = 2
    const answer = await app.ask(2, { refresh: true })
    expect(answer.block).toContain('Kyoto')
    expect(answer.cache).toMatchObject({ result: 'miss', serves_until_turn: null })
    expect(app.searches).toHaveLength(4)
  })
})

describe('a scope state that is away', () => {
  it.each(['read', 'counters', 'turns', 'lease'] as const)(
    '(%s) leaves the answer per query, and says so',
    async (method) => {
      const app = chat({ scopeState: gated(state(), [method], away) })
      await app.say(1, 'I live in Kyoto.')
      expect(await app.ask(2, { window_size: 2, turn: 9 })).toMatchObject({
        ...{ status: 'degraded', degraded: ['cache'], strategy: 'per_query', block: '' },
        ...{ delta: expect.stringContaining('Kyoto'), cache: { result: 'none', reason: 'disabled' } },
      })
    },
  )

  it.each(['fill', 'noteTurn'] as const)('(%s) takes nothing from the answer', async (method) => {
    const app = chat({ scopeState: gated(state(), [method], away) })
    await app.say(1, 'I live in Kyoto.')
    const answer = await app.ask(2)
    expect(answer).toMatchObject({
      status: 'ok',
      strategy: 'cached',
      block: expect.stringContaining('Kyoto'),
    })
    expect(answer.cache.serves_until_turn).toBe(method === 'fill' ? null : 6)
  })

  it('serves no block while it has not been told of a deletion', async () => {
    let isAway = false
    const app = chat({
      scopeState: gated(state(), ['bump', 'clear'], async () => {
        if (isAway) await away()
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

describe('what is late', () => {
  it('is done without: nothing, where there is no block and nothing is known', async () => {
    const app = chat({ scopeState: gated(state(), ['counters'], never), strategies: { deadlineMs: 30 } })
    expect(await app.ask(2)).toMatchObject({
      ...{ status: 'degraded', degraded: ['deadline', 'nothing'], context: '', memories: [] },
      cache: { result: 'none' },
    })
  })

  it('is the last block, where it is being renewed for its freshness only', async () => {
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
    // One that hides turns is no help; what is known of the user is.
    expect(await app.ask(7)).toMatchObject({
      ...{ status: 'degraded', degraded: ['deadline', 'profile'], block: '' },
      ...{ context: expect.stringContaining('bees'), cache: { result: 'none' } },
    })
  })

  it('the delta, leaves the block', async () => {
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

  it('the embedding of the query, leaves the profile, of the request and in its budget', async () => {
    const app = chat({ strategies: { deadlineMs: 1000 }, embeddingDeadlineMs: 60_000 })
    await app.say(1, 'I live in Kyoto.', { agent_id: 'guide' })
    await app.say(2, 'I keep bees.')
    // Loads what counts tokens.
    await app.ask(3)
    app.services.embedder.embed = never
    const [answers, narrowed, small, filtered] = await Promise.all([
      Promise.all(
        ['per_query', 'cached', 'cached_delta'].map((strategy) => app.ask(8, { strategy, top_k: 4 })),
      ),
      app.ask(8, { agent_id: 'guide' }),
      app.ask(8, { token_budget: 5 }),
      // A profile would let through what filters keep back.
      app.ask(8, { filters: { turn: 1 } }),
    ])
    for (const answer of answers) {
      expect(answer).toMatchObject({
        ...{ status: 'degraded', degraded: ['deadline', 'profile'], block: '', count: 2 },
        ...{ context: expect.stringMatching(/Kyoto.*\n.*bees/), delta: answer.context },
      })
    }
    expect(narrowed).toMatchObject({ count: 1, context: expect.not.stringContaining('bees') })
    const nothing = { degraded: ['deadline', 'nothing'], context: '', count: 0 }
    expect(small).toMatchObject(nothing)
    expect(filtered).toMatchObject(nothing)
  })

  it('the store, leaves nothing, and is not waited for', async () => {
    let isLate = false
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      scroll: async (...args) => (isLate ? await never() : await records.scroll(...args)),
      get: async (...args) => (isLate ? await never() : await records.get(...args)),
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

  it('everything at once, leaves nothing, and not even that is waited for', async () => {
    let isLate = false
    const lateOr = async <T>(run: () => Promise<T>) => (isLate ? await never() : await run())
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

  it('a store that is away leaves the block, where the delta needed it, and fails where nothing is left', async () => {
    let isAway = false
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      async scroll(...args) {
        if (isAway) throw new Error('no store')
        return await records.scroll(...args)
      },
    })
    const scopeState = state()
    const first = chat({ scopeState })
    await first.say(1, 'I live in Kyoto.')
    const { block } = await first.ask(2, { strategy: 'cached_delta' })
    // A process that has no snapshot yet.
    isAway = true
    const app = chat({ scopeState, wrapRecords, expectErrors: true })
    expect(await app.ask(2, { strategy: 'cached_delta' })).toMatchObject({
      ...{ status: 'degraded', degraded: ['delta', 'records', 'block'], block, delta: '' },
    })
    const { status } = await app.call('POST', '/v1/recall', { query: 'q', user_id: 'ada' })
    expect(status).toBe(503)
  })
})
