import { describe, expect, it, onTestFinished } from 'vitest'
import { openSqliteRecords } from '../../sidecar/adapters/sqlite/records.ts'
import type { RecordStore, Write } from '../../sidecar/ports/records.ts'
import { NO_CACHE } from '../../sidecar/recall/strategies/request.ts'
import type { Answered } from '../../sidecar/recall/strategies/strategies.ts'
import { Timeline, type TimelineOptions } from '../../sidecar/timeline/timeline.ts'
import type { WriteTrouble } from '../../sidecar/write-behind.ts'
import { said, testApp } from '../helpers/test-app.ts'

const ADA = { namespace: 'n', userId: 'ada' }
const ALL = { limit: 100_000 }

function answered(turn: number, { conversationId = 'c', at = 1000, scope = ADA } = {}): Answered {
  return {
    scope,
    at,
    request: {
      query: 'q',
      topK: 1,
      tokenBudget: 1,
      strategy: 'per_query',
      conversationId,
      turn,
      windowSize: 5,
    },
    result: {
      ...{
        strategy: 'per_query',
        context: 'a secret',
        block: '',
        delta: 'a secret',
        tokens: 2,
        memories: [],
      },
      ...{ cache: NO_CACHE, degraded: [], tookMs: { embed: 0, search: 0, render: 0, total: 1 } },
    },
  }
}

function open(wrap = (records: RecordStore) => records, options: Partial<TimelineOptions> = {}) {
  const records = openSqliteRecords(':memory:')
  const wrapped = wrap(records)
  const begin = () => new Timeline({ records: wrapped, now: () => 5000, writeEveryMs: 3_600_000, ...options })
  const timeline = begin()
  onTestFinished(() => records.close())
  return { records, timeline, begin }
}

async function turnsOf(timeline: Timeline, conversationId = 'c', scope = ADA): Promise<number[]> {
  return (await timeline.read(scope, conversationId, ALL)).turns.map(({ turn }) => turn)
}

/** Everything that is stored, as text. */
async function stored(records: RecordStore): Promise<string> {
  const found: unknown[] = []
  for (const scope of await records.scopes('timeline', { limit: 1000 })) {
    found.push(scope, await records.scroll('timeline', scope, { limit: 1000 }))
  }
  return JSON.stringify(found)
}

describe('the rows of a timeline', () => {
  it('are written in one commit for many, by time or when somebody reads, and hold no text', async () => {
    const commits: (readonly Write[])[] = []
    const { records, timeline, begin } = open((records) => ({
      ...records,
      commit: async (writes) => {
        commits.push(writes)
        await records.commit(writes)
      },
    }))
    for (let turn = 1; turn <= 40; turn++) timeline.record(answered(turn))
    expect(commits).toEqual([])
    await timeline.flush()
    expect(commits).toHaveLength(1)
    expect(await stored(records)).not.toContain('secret')
    // As after a restart.
    expect(await turnsOf(begin())).toEqual(Array.from({ length: 40 }, (_, i) => 40 - i))
  })

  it('are written when the process ends, and those that come later are let go', async () => {
    const { timeline, begin } = open()
    timeline.record(answered(1))
    await timeline.close()
    timeline.record(answered(2))
    expect(await turnsOf(begin())).toEqual([1])
  })

  it('are of the latest turns, as many as are kept', async () => {
    const { records, timeline } = open(undefined, { maxRows: 150 })
    for (let turn = 1; turn <= 1000; turn++) {
      timeline.record(answered(turn))
      if (turn % 7 === 0) await timeline.flush()
    }
    timeline.record(answered(1, { conversationId: 'd' }))
    const turns = await turnsOf(timeline)
    expect(turns.slice(0, 150)).toEqual(Array.from({ length: 150 }, (_, i) => 1000 - i))
    // Looked at now and then only.
    expect(turns.length).toBeLessThan(260)
    expect(await turnsOf(timeline, 'd')).toEqual([1])
    expect((await records.scopes('timeline', { limit: 10 })).length).toBe(3)
  })

  it('wait for a store that is away, are bounded meanwhile, and what is lost is counted', async () => {
    let isAway = true
    const told: WriteTrouble[] = []
    const { timeline } = open(
      (records) => ({
        ...records,
        commit: async (writes) => {
          if (isAway) throw new Error('away')
          await records.commit(writes)
        },
      }),
      { maxWaiting: 10, onFailure: (_error, trouble) => told.push(trouble) },
    )
    for (let turn = 1; turn <= 25; turn++) timeline.record(answered(turn))
    await timeline.flush()
    expect(told).toEqual([{ waiting: 10, lost: 15 }])
    expect(timeline.lost).toBe(15)
    isAway = false
    expect(await turnsOf(timeline)).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16])
  })

  it('wait for the next write when they come during one, however many do', async () => {
    const commits: number[] = []
    const { timeline } = open((records) => ({
      ...records,
      commit: async (writes) => {
        commits.push(writes.length)
        // As under load: each is asked again while the disk works.
        if (commits.length < 10) for (const turn of [1, 2]) timeline.record(answered(turn, { at: 1001 }))
        await records.commit(writes)
      },
    }))
    for (const turn of [1, 2]) timeline.record(answered(turn))
    await timeline.flush()
    expect(commits).toHaveLength(1)
    const { turns } = await timeline.read(ADA, 'c', ALL)
    expect(commits).toHaveLength(2)
    expect(turns.map(({ recalls }) => recalls.map(({ at }) => at))).toEqual([[1001], [1001]])
  })

  it('cost the recall nothing when they cannot even be made', () => {
    const { timeline } = open()
    timeline.record({ ...answered(1), result: undefined } as unknown as Answered)
    expect(timeline.lost).toBe(1)
  })
})

describe('a user who is forgotten', () => {
  const BOB = { namespace: 'n', userId: 'bob' }

  it('leaves no row, and nobody else loses one', async () => {
    const { records, timeline } = open()
    for (const conversationId of ['c', 'd']) timeline.record(answered(1, { conversationId }))
    timeline.record(answered(1, { scope: BOB }))
    await timeline.flush()
    timeline.record(answered(2))
    expect(await timeline.forget(ADA)).toBe(3)
    for (const conversationId of ['c', 'd']) expect(await turnsOf(timeline, conversationId)).toEqual([])
    expect(await turnsOf(timeline, 'c', BOB)).toEqual([1])
    expect(await stored(records)).not.toMatch(/ada|"d"/)
  })

  it('leaves none that another process had yet to write, and may come back', async () => {
    const { records, timeline, begin } = open()
    const other = begin()
    other.record(answered(1, { at: 4999 }))
    expect(await timeline.forget(ADA)).toBe(0)
    await other.flush()
    expect(await turnsOf(timeline)).toEqual([])
    expect(await stored(records)).not.toMatch(/ada/)
    other.record(answered(1, { at: 5001 }))
    await other.flush()
    expect(await turnsOf(timeline)).toEqual([1])
    expect(await begin().forget(ADA)).toBe(1)
  })

  it('is forgotten again after another process forgot what this one had written', async () => {
    let now = 5000
    const { records, timeline, begin } = open(undefined, { now: () => now })
    const other = begin()
    other.record(answered(1, { at: 4000 }))
    await other.flush()
    expect(await timeline.forget(ADA)).toBe(1)
    now = 200_000
    other.record(answered(2, { at: 199_000 }))
    await other.flush()
    expect(await begin().forget(ADA)).toBe(1)
    expect(await stored(records)).not.toMatch(/ada/)
  })

  it('is looked for in one read, however many users there are', async () => {
    const reads: string[] = []
    const { timeline } = open((records) => ({
      ...records,
      get: async (...args) => {
        reads.push(args[0])
        return await records.get(...args)
      },
      scroll: async (...args) => {
        reads.push(args[0])
        return await records.scroll(...args)
      },
    }))
    const userIds = Array.from({ length: 50 }, (_, i) => `user-${i}`)
    for (const turn of [1, 2]) {
      for (const userId of userIds) timeline.record(answered(turn, { scope: { namespace: 'n', userId } }))
      reads.length = 0
      await timeline.flush()
    }
    expect(reads).toEqual(['timeline'])
  })

  it('is told over HTTP how many rows that were', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I live in Kyoto.', { conversation_id: 'c', turn: 1 }))
    const asked = { user_id: 'ada', query: 'Kyoto', conversation_id: 'c', turn: 2 }
    await call('POST', '/v1/recall', asked)
    const { body } = await call('DELETE', '/v1/memories?user_id=ada')
    expect(body.removed).toMatchObject({ timeline: 1 })
    expect((await call('GET', '/v1/conversations/c/timeline?user_id=ada')).status).toBe(404)
  })
})
