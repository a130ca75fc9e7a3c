import { describe, expect, it } from 'vitest'
import { createInProcessScopeLock } from '../../../../sidecar/adapters/in-process/lock.ts'
import { LEGACY_PENDING_SCOPE } from '../../../../sidecar/memory/repositories/pending.ts'
import type { JsonObject } from '../../../../sidecar/ports/records.ts'
import { stoppedClock } from '../../../helpers/clock.ts'
import { ADA, expectNoErrors, type SetUp, setUp } from '../../../helpers/learning/buffer/helpers.ts'
import { held, TABLE, tableModel } from '../../../helpers/learning/buffer/model.ts'
import { fakeTimers, until } from '../../../helpers/learning/buffer/timers.ts'
import { openMemoryRecords } from '../../../helpers/sqlite.ts'

const MINUTE = 60_000

/** Sidecars on one store with one model and shared locks, but separate queues, as if the queue lost all entries. */
function several(options: { buffer?: object; countTokens?: (text: string) => number } = {}) {
  const clock = stoppedClock()
  const timers = fakeTimers(clock)
  const model = tableModel(TABLE)
  const records = openMemoryRecords()
  const shared = { flushLock: createInProcessScopeLock(), scopeLock: createInProcessScopeLock(), timers }
  const open = () => setUp({ ...options, clock, model, records: keptOpen(records), shared })
  return { clock, timers, model, records, open }
}

/** The store stays open when one of several sidecars closes. */
function keptOpen(records: ReturnType<typeof openMemoryRecords>) {
  return { ...records, close: async () => {} }
}

async function pendingNumbers({ buffer }: SetUp): Promise<(number | null)[]> {
  await buffer.refresh(ADA)
  return buffer.list(ADA).map(({ turn }) => turn)
}

describe('two sidecars on one store', () => {
  it('extract the turns that both accepted in one batch, in conversation order', async () => {
    const { open, model, clock } = several()
    const [one, other] = [open(), open()]
    for (const [i, said] of ['I live in Leeds', 'I have a cat', 'I moved to Porto'].entries()) {
      await (i % 2 ? other : one).post(i + 1, said)
      clock.advance(1000)
    }
    expect(await pendingNumbers(one)).toEqual([1, 2, 3])
    expect(await pendingNumbers(other)).toEqual([1, 2, 3])
    expect(await other.buffer.flush(ADA)).toMatchObject({ reason: null })
    expect(model.batches()).toHaveLength(1)
    expect(model.batches()[0]).toMatch(/Leeds[\s\S]*cat[\s\S]*Porto/)
    expect(await pendingNumbers(one)).toEqual([])
    expect(await one.texts()).toEqual(['Ada has a cat.', 'Ada lives in Porto.'])
    expect(one.buffer.size).toEqual({ scopes: 0, turns: 0 })
  })

  it('flush a user one at a time, and a sync caller gets the events of the other flush', async () => {
    const { open, model } = several()
    const [one, other] = [open(), open()]
    const call = held()
    model.next(call.behaviour)
    const accepted = await one.post(1, 'I live in Leeds')
    const first = one.buffer.flush(ADA)
    await call.reached
    const second = other.buffer.flush(ADA)
    const synced = other.buffer.flushTurn(ADA, { turn_id: accepted.turnId, conversation_id: 'c' })
    call.release()
    expect((await first).events).toMatchObject([{ event: 'ADD', memory: 'Ada lives in Leeds.' }])
    expect(await second).toEqual({ events: [], reason: null })
    expect(await synced).toMatchObject({
      events: [{ event: 'ADD', memory: 'Ada lives in Leeds.' }],
      reason: null,
    })
    expect(model.batches()).toHaveLength(1)
  })

  it('flush turns whose queue entries are lost', async () => {
    const { open, timers } = several()
    const [one, other] = [open(), open()]
    await other.buffer.start()
    await one.post(1, 'I live in Leeds')
    await one.buffer.close()
    await timers.advance(4 * MINUTE)
    expect(await other.texts()).toEqual(['Ada lives in Leeds.'])
    expect(other.lines.filter(({ event }) => event === 'flushed')).toMatchObject([{ reason: 'idle' }])
    expectNoErrors(other)
  })

  it('see cancelled turns and forgotten users of each other', async () => {
    const { open } = several()
    const [one, other] = [open(), open()]
    const { turnId } = await one.post(1, 'I live in Leeds')
    await one.post(2, 'I have a cat')
    expect(await pendingNumbers(other)).toEqual([1, 2])
    await other.services.intake.keepVerbatim(ADA, turnId)
    expect(await pendingNumbers(one)).toEqual([2])
    await other.services.engine.forget(ADA)
    expect(await pendingNumbers(one)).toEqual([])
    expect(await one.buffer.flush(ADA)).toEqual({ events: [], reason: null })
  })
})

it('pending turns of the legacy scope are migrated and extracted', async () => {
  const at = setUp()
  await at.post(1, 'I live in Leeds')
  await at.post(1, 'I have a cat', { scope: { namespace: 'n', userId: 'bob' } })
  const before = await at.pendingStored()
  await at.records.commit(
    before.flatMap((turn) => [
      { remove: turn.turn_id, collection: 'pending' as const, scope: turn.scope },
      {
        put: {
          id: `${turn.scope}#${turn.turn_id}`,
          order: turn.at * 1000,
          payload: turn as unknown as JsonObject,
        },
        collection: 'pending' as const,
        scope: LEGACY_PENDING_SCOPE,
      },
    ]),
  )
  const next = await at.restart()
  expect(await next.pendingStored()).toEqual(before)
  expect(await next.records.scroll('pending', LEGACY_PENDING_SCOPE, { limit: 10 })).toEqual([])
  await next.timers.advance(1000)
  await until(() => next.buffer.size.turns === 0)
  expect(await next.texts()).toEqual(['Ada lives in Leeds.'])
})
