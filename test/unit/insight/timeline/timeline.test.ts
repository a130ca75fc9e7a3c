import { describe, expect, it } from 'vitest'
import { createInProcessScopeState } from '../../../../sidecar/adapters/in-process/scope-state.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import type { ScopeState } from '../../../../sidecar/ports/scope-state.ts'
import { stoppedClock } from '../../../helpers/clock.ts'
import { type Chat, chat } from '../../../helpers/retrieval/strategies/helpers.ts'
import { openMemoryRecords } from '../../../helpers/sqlite.ts'

const PATH = '/v1/conversations/c/timeline'

async function timeline(app: Chat, rest = '') {
  const { status, body } = await app.call('GET', `${PATH}?user_id=ada${rest}`)
  expect(status).toBe(200)
  return body
}

/** Recalls and then adds each turn. */
async function talk(app: Chat, turns: number, rest: Record<string, unknown> = {}): Promise<void> {
  for (let turn = 1; turn <= turns; turn++) {
    app.clock.advance(1000)
    await app.ask(turn, rest)
    await app.say(turn, `I keep item number ${turn} in my box.`)
  }
}

describe('the timeline of a conversation', () => {
  it('lists the recalls of each turn with the cache reason, latest turn first, and when the turn was added', async () => {
    const app = chat()
    await talk(app, 7)
    const { turns, uncovered, next_cursor, conversation_id } = await timeline(app)
    expect({ uncovered, next_cursor, conversation_id }).toEqual({
      ...{ uncovered: false, next_cursor: null, conversation_id: 'c' },
    })
    expect(turns.map(({ turn }: { turn: number }) => turn)).toEqual([7, 6, 5, 4, 3, 2, 1])
    const reasons = turns.map(({ recalls }: { recalls: { cache: { reason: string } }[] }) =>
      recalls.map(({ cache }) => cache.reason),
    )
    expect(reasons).toEqual([['hit'], ['window'], ['hit'], ['hit'], ['hit'], ['hit'], ['first']])
    expect(turns[1]).toEqual({
      turn: 6,
      added_at: new Date(app.clock.now() - 1001).toISOString(),
      messages: [{ role: 'user', content: expect.any(String) }],
      recalls: [
        {
          at: new Date(app.clock.now() - 1002).toISOString(),
          strategy: 'cached',
          arm: null,
          cache: {
            ...{ result: 'miss', reason: 'window', age_turns: 0, serves_until_turn: 10 },
            block_hash: expect.stringMatching(/^[0-9a-f]{16}$/),
          },
          ...{ watermark: 5, window_size: 5, tokens: expect.any(Number), memories: 5 },
          ...{ pending_turns: [], degraded: [], took_ms: expect.any(Number) },
          ...{ uncovered: false, uncovered_turns: [], included_turns: [[1, 5]] },
          block_ids: Array.from({ length: 5 }, () => expect.any(String)),
        },
      ],
    })
  })

  it('lists turns that were only added or only recalled, and each distinct recall of a turn', async () => {
    const app = chat()
    await app.say(1, 'I live in Kyoto.')
    app.clock.advance(1000)
    for (const rest of [{}, {}, {}, { strategy: 'per_query', window_size: undefined }]) {
      app.clock.advance(1)
      await app.ask(3, rest)
    }
    await app.ask(undefined, { conversation_id: undefined })
    const { turns } = await timeline(app)
    expect(turns).toMatchObject([
      {
        ...{ turn: 3, added_at: null },
        recalls: [
          { strategy: 'cached', cache: { reason: 'first' } },
          { strategy: 'cached', cache: { reason: 'hit' } },
          { strategy: 'per_query', cache: { reason: 'disabled' }, window_size: null, watermark: null },
        ],
      },
      { turn: 1, added_at: expect.any(String), recalls: [] },
    ])
  })

  it('is paged, and rejects invalid parameters', async () => {
    const app = chat()
    await talk(app, 7)
    const seen: number[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await timeline(app, `&limit=3${cursor && `&cursor=${cursor}`}`)
      seen.push(...page.turns.map(({ turn }: { turn: number }) => turn))
      cursor = page.next_cursor
    }
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1])
    for (const [query, message] of [
      ['user_id=ada&limit=0', /^limit: expected an integer from 1 to 200/],
      ['user_id=ada&limit=201', /^limit: expected an integer from 1 to 200/],
      ['user_id=ada&cursor=x', /^cursor: expected next_cursor/],
      ['', /^user_id: /],
    ] as const) {
      const { status, body } = await app.call('GET', `${PATH}?${query}`)
      expect({ status, message: body.error.message }).toEqual({
        status: 400,
        message: expect.stringMatching(message),
      })
    }
  })

  it('belongs to one user and one conversation', async () => {
    const app = chat()
    await talk(app, 2)
    await app.ask(1, { conversation_id: 'd' })
    await app.ask(9, { user_id: 'bob' })
    expect((await timeline(app)).turns).toHaveLength(2)
    expect((await app.call('GET', `/v1/conversations/d/timeline?user_id=ada`)).body.turns).toHaveLength(1)
    expect((await app.call('GET', `${PATH}?user_id=bob`)).body.turns).toMatchObject([{ turn: 9 }])
    const { status, body } = await app.call('GET', `/v1/conversations/d/timeline?user_id=bob`)
    expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'not_found' })
  })

  it('lists the pending turns', async () => {
    const model = { kind: 'away', complete: async () => Promise.reject(new Error('not asked')) }
    const app = chat({ model, buffer: { idleMs: 3_600_000 } })
    await app.say(1, 'I live in Kyoto.')
    await app.say(2, 'I keep bees.')
    app.clock.advance(1000)
    await app.ask(3)
    const { turns } = await timeline(app)
    expect(turns[0]).toMatchObject({ turn: 3, recalls: [{ pending_turns: [1, 2], uncovered: false }] })
  })
})

describe('uncovered', () => {
  const state = () => createInProcessScopeState({ maxEntries: 100, maxBytes: 1e7, now: stoppedClock().now })

  /** Serves blocks two turns too long, because their watermark is too high. */
  function withHighWatermarks(inner: ScopeState): ScopeState {
    return {
      ...inner,
      async read(scope, key) {
        const read = await inner.read(scope, key)
        if (!read.block) return read
        const block = JSON.parse(read.block.value)
        const value = JSON.stringify({
          ...block,
          watermark: block.watermark + 2,
          lastTurn: block.lastTurn + 9,
        })
        return { ...read, block: { ...read.block, value } }
      },
    }
  }

  it('lists the turns that a block served too long does not include', async () => {
    const app = chat({ scopeState: withHighWatermarks(state()) })
    // Built at turn 1: may be served until turn 5, but is served until turn 7.
    await talk(app, 7)
    const { turns, uncovered } = await timeline(app)
    expect(uncovered).toBe(true)
    const hidden = turns.map(({ recalls }: { recalls: { uncovered_turns: number[] }[] }) =>
      recalls.map(({ uncovered_turns }) => uncovered_turns),
    )
    expect(hidden).toEqual([[[1, 2]], [[1]], [[]], [[]], [[]], [[]], [[]]])
  })

  it('lists the turns that a block built from a stale read does not include', async () => {
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      // A store that answers with old data.
      async scroll(collection, ...rest) {
        const page = await records.scroll(collection, ...rest)
        return collection === 'memories' ? page.slice(0, 1) : page
      },
    })
    const scopeState = state()
    const shared = openMemoryRecords()
    const first = chat({ scopeState, wrapRecords: () => shared })
    for (const turn of [1, 2, 3]) await first.say(turn, `I keep item number ${turn} in my box.`)
    const second = chat({ scopeState, wrapRecords: () => wrapRecords(shared) })
    second.clock.advance(60_000)
    await second.ask(8)
    expect((await timeline(second)).turns[0].recalls).toMatchObject([
      { uncovered: true, uncovered_turns: [1, 2] },
    ])
  })

  it('excludes memories that are deleted, known from another turn, absent, or replaced', async () => {
    const app = chat({ scopeState: withHighWatermarks(state()) })
    await app.say(9, 'I keep item number 3 in my box.', { conversation_id: 'before' })
    app.clock.advance(1000)
    await app.ask(1)
    const id = await app.say(1, 'I keep item number 1 in my box.')
    await app.say(2, 'Hello!')
    await app.say(3, 'I keep item number 3 in my box.')
    app.clock.advance(1000)
    await app.ask(7, { window_size: 4 })
    await app.ask(8)
    await app.call('DELETE', `/v1/memories/${id}?user_id=ada`)
    const { uncovered } = await timeline(app)
    expect(uncovered).toBe(false)
  })

  it('includes turns missed by a recall that exceeded its deadline without a replacement', async () => {
    let isLate = false
    const app = chat({ strategies: { deadlineMs: 30 }, embeddingDeadlineMs: 60_000 })
    const { embed } = app.services.embedder
    await app.say(1, 'I live in Kyoto.')
    app.clock.advance(1000)
    isLate = true
    app.services.embedder.embed = async (...args) =>
      isLate ? await new Promise<never>(() => {}) : await embed(...args)
    await app.ask(9, { filters: { turn: 1 } })
    expect((await timeline(app)).turns[0].recalls).toMatchObject([
      { degraded: ['deadline', 'nothing'], uncovered: true, uncovered_turns: [1] },
    ])
  })
})
