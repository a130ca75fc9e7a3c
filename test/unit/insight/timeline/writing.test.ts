import { describe, expect, it, onTestFinished } from 'vitest'
import { Timeline, type TimelineOptions } from '../../../../sidecar/insight/timeline/timeline.ts'
import type { WriteFailure } from '../../../../sidecar/insight/write-behind.ts'
import type { RecordStore, Write } from '../../../../sidecar/ports/records.ts'
import { uncached } from '../../../../sidecar/retrieval/strategies/request.ts'
import type { Answered } from '../../../../sidecar/retrieval/strategies/strategies.ts'
import { openMemoryRecords } from '../../../helpers/sqlite.ts'
import { said, testApp } from '../../../helpers/test-app.ts'

const ADA = { namespace: 'n', userId: 'ada' }
const ALL = { limit: 100_000 }

function answered(turn: number, { conversationId = 'c', at = 1000, scope = ADA } = {}): Answered {
  return {
    scope,
    at,
    request: {
      ...{ query: 'q', topK: 1, tokenBudget: 1, strategy: 'per_query' },
      ...{ conversationId, turn, windowSize: 5 },
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
      ...{ cache: uncached('disabled'), degraded: [], tookMs: { embed: 0, search: 0, render: 0, total: 1 } },
    },
  }
}

function open(wrap = (records: RecordStore) => records, options: Partial<TimelineOptions> = {}) {
  const records = openMemoryRecords()
  const wrapped = wrap(records)
  const begin = () => new Timeline({ records: wrapped, now: () => 5000, writeEveryMs: 3_600_000, ...options })
  const timeline = begin()
  onTestFinished(() => records.close())
  return { records, timeline, begin }
}

async function turnsOf(timeline: Timeline, conversationId = 'c', scope = ADA): Promise<number[]> {
  return (await timeline.read(scope, conversationId, ALL)).turns.map(({ turn }) => turn)
}

/** All stored timeline records as JSON. */
async function stored(records: RecordStore): Promise<string> {
  const found: unknown[] = []
  for (const scope of await records.scopes('timeline', { limit: 1000 })) {
    found.push(scope, await records.scroll('timeline', scope, { limit: 1000 }))
  }
  return JSON.stringify(found)
}

describe('timeline rows', () => {
  it('are written in batches, after an interval or before a read, and contain no user text', async () => {
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
    // A new instance, as after a restart.
    expect(await turnsOf(begin())).toEqual(Array.from({ length: 40 }, (_, i) => 40 - i))
  })

  it('are written on close, and ignored afterwards', async () => {
    const { timeline, begin } = open()
    timeline.record(answered(1))
    await timeline.close()
    timeline.record(answered(2))
    expect(await turnsOf(begin())).toEqual([1])
  })

  it('are trimmed to the latest maxRows', async () => {
    const { records, timeline } = open(undefined, { maxRows: 150 })
    for (let turn = 1; turn <= 1000; turn++) {
      timeline.record(answered(turn))
      if (turn % 7 === 0) await timeline.flush()
    }
    timeline.record(answered(1, { conversationId: 'd' }))
    const turns = await turnsOf(timeline)
    expect(turns.slice(0, 150)).toEqual(Array.from({ length: 150 }, (_, i) => 1000 - i))
    // Trimmed after every 100 rows only.
    expect(turns.length).toBeLessThan(260)
    expect(await turnsOf(timeline, 'd')).toEqual([1])
    expect((await records.scopes('timeline', { limit: 10 })).length).toBe(3)
  })

  it('stay pending during an outage, up to maxPending, and lost rows are counted', async () => {
    let isDown = true
    const failures: WriteFailure[] = []
    const { timeline } = open(
      (records) => ({
        ...records,
        commit: async (writes) => {
          if (isDown) throw new Error('unreachable')
          await records.commit(writes)
        },
      }),
      { maxPending: 10, onFailure: (_error, failure) => failures.push(failure) },
    )
    for (let turn = 1; turn <= 25; turn++) timeline.record(answered(turn))
    await timeline.flush()
    expect(failures).toEqual([{ pending: 10, lost: 15 }])
    expect(timeline.lost).toBe(15)
    isDown = false
    expect(await turnsOf(timeline)).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16])
  })

  it('that arrive during a write go into the next one', async () => {
    const commits: number[] = []
    const { timeline } = open((records) => ({
      ...records,
      commit: async (writes) => {
        commits.push(writes.length)
        // Simulates load: new recalls during the write.
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

  it('with an invalid payload are reported by collection and id', async () => {
    const { records, timeline } = open()
    timeline.record(answered(1))
    await timeline.flush()
    for (const scope of await records.scopes('timeline', { limit: 10 })) {
      for (const record of await records.scroll('timeline', scope, { limit: 10 })) {
        const put = { ...record, payload: { ...record.payload, strategy: 'unknown' } }
        await records.commit([{ put, collection: 'timeline', scope }])
      }
    }
    await expect(timeline.read(ADA, 'c', ALL)).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/^Record \S+ in collection timeline is invalid: strategy: /),
    })
    expect(await timeline.forget(ADA)).toBe(1)
  })

  it('that cannot be created do not fail the recall', () => {
    const { timeline } = open()
    timeline.record({ ...answered(1), result: undefined } as unknown as Answered)
    expect(timeline.lost).toBe(1)
  })
})

describe('forgetting a user', () => {
  const BOB = { namespace: 'n', userId: 'bob' }

  it('deletes all rows of the user and none of others', async () => {
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

  it('deletes rows that another process writes later, and accepts new ones', async () => {
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

  it('works again after another process erased rows of this one', async () => {
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

  it('returns the number of deleted rows over HTTP', async () => {
    const { call } = testApp()
    await call('POST', '/v1/memories', said('I live in Kyoto.', { conversation_id: 'c', turn: 1 }))
    const asked = { user_id: 'ada', query: 'Kyoto', conversation_id: 'c', turn: 2 }
    await call('POST', '/v1/recall', asked)
    const { body } = await call('DELETE', '/v1/memories?user_id=ada')
    expect(body.removed).toMatchObject({ timeline: 1 })
    expect((await call('GET', '/v1/conversations/c/timeline?user_id=ada')).status).toBe(404)
  })
})
