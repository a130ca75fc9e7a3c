import { describe, expect, it } from 'vitest'
import { openSqliteRecords } from '../../../../sidecar/adapters/sqlite/records.ts'
import type { PendingTurn } from '../../../../sidecar/memory/model/pending.ts'
import { type Turn, turnRecordId } from '../../../../sidecar/memory/model/turns.ts'
import { putPending } from '../../../../sidecar/memory/repositories/pending.ts'
import { putTurn } from '../../../../sidecar/memory/repositories/turns.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import { stoppedClock } from '../../../helpers/clock.ts'
import { ADA, setUp } from '../../../helpers/learning/buffer/helpers.ts'

const SCOPE = 'n/ada'
const CONVERSATIONS = 200
const TURNS = 100
const LIMITS = { maxTurnsPerScope: 2000, maxTurns: CONVERSATIONS * TURNS }

/** Stores 20,000 pending turns of one user. */
async function storeTurns(records: RecordStore, now: number): Promise<void> {
  for (let conversation = 0; conversation < CONVERSATIONS; conversation++) {
    const writes = Array.from({ length: TURNS }, (_, i) => {
      const conversationId = `c${conversation}`
      const id = turnRecordId(conversationId, i + 1)
      const at = now - 1_000_000 + conversation * TURNS + i
      const turn: Turn = {
        ...{ id, conversation_id: conversationId, turn: i + 1, agent_id: null, run_id: null, app_id: null },
        ...{ metadata: {}, messages: [{ role: 'user', name: 'Ada', content: `Item ${conversation}-${i}.` }] },
        ...{ remember: 'both', state: 'pending', revision: 1, memory_ids: [], removed_ids: [], effects: [] },
        ...{ created_at: at, updated_at: at },
      }
      const pending: PendingTurn = {
        ...{ scope: SCOPE, turn_id: id, conversation_id: conversationId, turn: i + 1, alike: 'same' },
        ...{
          app_id: null,
          revision: 1,
          tokens: 5,
          at,
          attempts: 0,
          unreadable: 0,
          error: null,
          not_before: 0,
        },
      }
      return [putTurn(SCOPE, turn), putPending(pending)]
    })
    await records.commit(writes.flat())
  }
}

describe('20,000 pending turns of one user, as many as the limit', () => {
  it('are loaded in bounded memory; further turns get 429 until some are extracted; none is lost', async () => {
    const records = openSqliteRecords(':memory:')
    const clock = stoppedClock()
    await storeTurns(records, clock.now())
    const at = setUp({ records, clock, buffer: LIMITS })
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    await at.buffer.start()
    expect(at.buffer.size).toEqual({ scopes: 1, turns: CONVERSATIONS * TURNS })
    globalThis.gc?.()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50 * 1024 * 1024)

    const refusal = { code: 'too_many_pending', status: 429, retryAfterS: expect.any(Number) }
    await expect(at.post(1, 'I live in Leeds', { conversationId: 'new' })).rejects.toMatchObject(refusal)
    const bob = { namespace: 'n', userId: 'bob' }
    await expect(at.post(1, 'I live in Leeds', { scope: bob })).rejects.toMatchObject(refusal)
    expect(await at.turnsStored(bob)).toEqual([])

    await at.buffer.flush(ADA, 'c7')
    expect(at.model.batches()).toHaveLength(1)
    expect(at.buffer.count(ADA)).toEqual({ turns: 19_900, tokens: 99_500 })
    // The total is below its limit again, the user is not.
    expect(await at.post(1, 'I live in Leeds', { scope: bob })).toMatchObject({ status: 'buffered' })
    await expect(at.post(1, 'I live in Leeds', { conversationId: 'new' })).rejects.toMatchObject(refusal)
    // A pending turn may be posted again with another text.
    await at.post(1, 'I have a cat', { conversationId: 'c8' })
    expect(at.buffer.count(ADA).turns).toBe(19_900)
    expect(await at.pendingStored()).toHaveLength(19_901)

    const next = await at.restart()
    expect(next.buffer.size).toEqual({ scopes: 2, turns: 19_901 })
    await next.buffer.flush(ADA, 'c8')
    expect(await next.texts()).toEqual(['Ada has a cat.'])
    expect(next.buffer.count(ADA).turns).toBe(19_800)
  }, 240_000)
})
