import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSqliteIntakeLog } from '../../sidecar/adapters/intake-log/sqlite.ts'
import { openSqliteRecords } from '../../sidecar/adapters/records/sqlite.ts'
import { AppError } from '../../sidecar/errors.ts'
import type { JsonObject, RecordStore } from '../../sidecar/ports/records.ts'
import { scopeKey } from '../../sidecar/scope.ts'
import { tempDir } from '../helpers/temp-dir.ts'
import { ADA, type SetUp, type SetUpOptions, setUp } from './helpers.ts'

const KEY = scopeKey(ADA)

function ahead(options: SetUpOptions = {}) {
  const intakeLog = options.intakeLog ?? openSqliteIntakeLog(':memory:')
  const at = setUp({ ...options, intakeLog })
  const log = at.services.ahead
  if (!log) throw new Error('expected a log')
  return { ...at, intakeLog, log }
}

/** A store that takes turns only while it is let. */
function gated() {
  const state = { isOpen: true, tries: 0 }
  const wrapRecords = (records: RecordStore): RecordStore => ({
    ...records,
    async commit(writes, options) {
      if (writes.length > 0) {
        state.tries += 1
        if (!state.isOpen) throw new AppError('backend_unavailable', 'the store is away')
      }
      await records.commit(writes, options)
    },
  })
  return { state, wrapRecords }
}

describe('a turn that is accepted', () => {
  it('is in the log when its caller has the answer, counts as waiting, and is read by whoever waits for it', async () => {
    const { post, log, buffer, intakeLog, turnsStored, recalled, pendingStored } = ahead()
    const { status, turnId, turn } = await post(1, 'I live in Leeds')
    expect({ status, turn }).toEqual({ status: 'buffered', turn: 1 })
    expect(intakeLog.entries()).toMatchObject([{ body: { turnId, scope: KEY } }])
    expect(buffer.counts(ADA)).toEqual({ turns: 1, tokens: 4 })
    expect((await buffer.totals()).turns).toBe(1)
    await log.caughtUp(KEY)
    expect(log.size).toBe(0)
    expect(await turnsStored()).toMatchObject([{ id: turnId, turn: 1, state: 'pending', revision: 1 }])
    expect(await pendingStored()).toMatchObject([{ turn_id: turnId, tokens: 4 }])
    expect(await recalled('Where is Ada?')).toEqual(['I live in Leeds'])
    expect(buffer.counts(ADA)).toEqual({ turns: 1, tokens: 4 })
  })

  it('has the time at which it was accepted, whenever it finds its place', async () => {
    const { state, wrapRecords } = gated()
    const { post, log, clock, timers, turnsStored, pendingStored } = ahead({ wrapRecords })
    state.isOpen = false
    const accepted = clock.now()
    await post(1, 'I live in Leeds')
    await log.caughtUp(KEY)
    state.isOpen = true
    await timers.advance(5000)
    await log.caughtUp(KEY)
    expect(await turnsStored()).toMatchObject([{ created_at: accepted }])
    expect(await pendingStored()).toMatchObject([{ at: accepted }])
  })

  it('and is posted again, in other words, is replaced; in the same, is the same', async () => {
    const { post, buffer, texts, turnsStored } = ahead()
    const first = await post(1, 'I live in Leeds')
    expect(await post(1, 'I moved to Porto')).toEqual(first)
    await post(1, 'I moved to Porto')
    expect(await turnsStored()).toMatchObject([
      { revision: 2, messages: [{ content: 'I moved to Porto' }], state: 'pending' },
    ])
    await buffer.flush(ADA)
    expect(await texts()).toEqual(['Ada lives in Porto.'])
    // Learned from by now: it is stored, and does not wait.
    expect(await post(1, 'I moved to Porto')).toMatchObject({ status: 'stored' })
  })

  it('twice at once, is one turn', async () => {
    const { post, log, turnsStored } = ahead()
    const answers = await Promise.all([1, 2, 3].map(() => post(1, 'I live in Leeds')))
    expect(new Set(answers.map(({ turnId }) => turnId)).size).toBe(1)
    await log.caughtUp(KEY)
    expect(await turnsStored()).toMatchObject([{ revision: 1 }])
  })

  it('without a number has the next after those that are on their way', async () => {
    const { post, services, turnsStored } = ahead()
    await post(4, 'I live in Leeds')
    const messages = [{ role: 'user' as const, content: 'I have a cat' }]
    const request = { messages, conversationId: 'c', idempotencyKey: 'k' }
    expect(await services.intake.add(ADA, request, undefined)).toMatchObject({ turn: 5, status: 'buffered' })
    expect(await services.intake.add(ADA, request, undefined)).toMatchObject({ turn: 5 })
    expect((await turnsStored()).map(({ turn }) => turn).sort()).toEqual([4, 5])
  })

  it('of no conversation is a turn of its own, or that of its idempotency key', async () => {
    const { services, log, turnsStored } = ahead()
    const messages = [{ role: 'user' as const, content: 'I have a cat' }]
    for (const idempotencyKey of [undefined, undefined, 'k', 'k']) {
      await services.intake.add(ADA, { messages, idempotencyKey }, undefined)
    }
    await log.caughtUp(KEY)
    expect(await turnsStored()).toHaveLength(3)
  })

  it('keeps to the order in which those of its user came', async () => {
    const { post, log, clock, turnsStored } = ahead()
    for (let turn = 1; turn <= 20; turn++) {
      clock.advance(1)
      await post(turn, `I have seen ${turn} birds`)
    }
    await log.caughtUp(KEY)
    expect((await turnsStored()).map(({ turn }) => turn)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  })

  it('finds its place also when it is logged at the very moment at which the last one has', async () => {
    for (let steps = 0; steps < 40; steps++) {
      const intakeLog = openSqliteIntakeLog(':memory:')
      const first = Promise.withResolvers<void>()
      let appended = 0
      const append = async (body: JsonObject) => {
        const place = await intakeLog.append(body)
        appended += 1
        if (appended === 1) return place
        await first.promise
        for (let i = 0; i < steps; i++) await Promise.resolve()
        return place
      }
      const wrapRecords = (records: RecordStore): RecordStore => ({
        ...records,
        async commit(writes, options) {
          await records.commit(writes, options)
          first.resolve()
        },
      })
      const at = ahead({ intakeLog: { ...intakeLog, append }, wrapRecords })
      await Promise.all([at.post(1, 'I live in Leeds'), at.post(2, 'I have a cat')])
      await at.log.caughtUp(KEY)
      expect({ steps, underway: at.log.size }).toEqual({ steps, underway: 0 })
    }
  }, 20_000)

  it('is learned from by a flush that comes after it', async () => {
    const { post, log, buffer, texts } = ahead()
    for (const [i, content] of ['I live in Leeds', 'I have a cat'].entries()) await post(i + 1, content)
    await log.caughtUp(KEY)
    expect((await buffer.flush(ADA)).reason).toBeNull()
    expect(await texts()).toEqual(['Ada has a cat.', 'Ada lives in Leeds.'])
  })

  it('is let go of when the records that hold it are safe, and only then', async () => {
    const safe: number[] = []
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      async commit(writes, options) {
        await records.commit(writes, options)
        if (!options?.isLazy) safe.push(writes.length)
      },
    })
    const { post, log, timers, intakeLog } = ahead({ wrapRecords })
    await post(1, 'I live in Leeds')
    await log.caughtUp(KEY)
    expect(safe).toEqual([])
    expect(intakeLog.entries()).toHaveLength(1)
    await timers.advance(1000)
    await log.letGo()
    expect(safe[0]).toBe(0)
    expect(intakeLog.entries()).toEqual([])
  })

  it('does not come back after its user is forgotten, also by the log', async () => {
    const { post, log, services, buffer, intakeLog, restart } = ahead()
    await post(1, 'I live in Leeds')
    await log.caughtUp(KEY)
    expect(intakeLog.entries()).toHaveLength(1)
    await services.engine.forget(ADA)
    await buffer.forgotten(ADA)
    await log.assertLetGo()
    expect(intakeLog.entries()).toEqual([])
    expect(await (await restart()).turnsStored()).toEqual([])
  })

  it('is not said to be erased where the log keeps it', async () => {
    const intakeLog = openSqliteIntakeLog(':memory:')
    const remove = async () => {
      throw new Error('no room on the disk')
    }
    const { post, log, lines } = ahead({ intakeLog: { ...intakeLog, remove } })
    await post(1, 'I live in Leeds')
    await log.caughtUp(KEY)
    await expect(log.assertLetGo()).rejects.toMatchObject({ code: 'backend_unavailable' })
    expect(lines.some(({ event }) => event === 'the log of turns does not let go of what is stored')).toBe(
      true,
    )
  })

  it('that a process left is brought to its place by the next, also when the store takes nothing at first', async () => {
    const { state, wrapRecords } = gated()
    const at = ahead({ wrapRecords })
    state.isOpen = false
    await at.post(1, 'I live in Leeds')
    await at.log.caughtUp(KEY)
    const next = await at.restart()
    expect(await next.turnsStored()).toEqual([])
    expect(next.buffer.counts(ADA).turns).toBe(1)
    state.isOpen = true
    await next.timers.advance(1000)
    await next.services.ahead?.caughtUp(KEY)
    expect(await next.turnsStored()).toHaveLength(1)
  })
})

describe('a store that takes no turns', () => {
  it('has them wait in the log, in order, until it does; what is known of it is said once', async () => {
    const { state, wrapRecords } = gated()
    const { post, log, clock, timers, lines, turnsStored, buffer } = ahead({ wrapRecords })
    state.isOpen = false
    for (let turn = 1; turn <= 3; turn++) {
      clock.advance(1)
      await post(turn, `I have seen ${turn} birds`)
    }
    await log.caughtUp(KEY)
    await timers.advance(3000)
    expect(buffer.counts(ADA).turns).toBe(3)
    expect(lines.filter(({ event }) => event === 'turns wait in the log')).toHaveLength(1)
    // One that has to take its place at once is refused, and nothing of it is stored.
    await expect(post(4, 'I live in Leeds', { mode: 'sync' })).rejects.toMatchObject({
      code: 'backend_unavailable',
      retryAfterS: expect.any(Number),
    })
    await expect(post(4, 'I live in Leeds', { mode: 'verbatim' })).rejects.toMatchObject({
      code: 'backend_unavailable',
    })
    state.isOpen = true
    await timers.advance(2000)
    await log.caughtUp(KEY)
    expect((await turnsStored()).map(({ turn }) => turn)).toEqual([1, 2, 3])
    expect(await post(4, 'I live in Leeds', { mode: 'sync' })).toMatchObject({ status: 'stored' })
  })

  it('does not have others wait', async () => {
    const bob = { namespace: 'n', userId: 'bob' }
    const wrapRecords = (records: RecordStore): RecordStore => ({
      ...records,
      async commit(writes, options) {
        if (writes.some(({ scope }) => scope === KEY)) throw new AppError('backend_unavailable', 'away')
        await records.commit(writes, options)
      },
    })
    const { post, log, turnsStored } = ahead({ wrapRecords })
    await post(1, 'I live in Leeds')
    await post(1, 'I have a cat', { scope: bob })
    await log.caughtUp(scopeKey(bob))
    expect(await turnsStored(bob)).toHaveLength(1)
    expect(log.size).toBe(1)
  })

  it('keeps more than a thousand turns from being on their way: the next wait, or are refused', async () => {
    const { state, wrapRecords } = gated()
    const { post, log, turnsStored } = ahead({ wrapRecords, buffer: { maxTurnsPerScope: 5000 } })
    state.isOpen = false
    for (let turn = 1; turn <= 1000; turn++) await post(turn, 'I have a cat')
    await expect(post(1001, 'I have a cat')).rejects.toMatchObject({ code: 'backend_unavailable' })
    expect(log.size).toBe(1000)
    expect(await turnsStored()).toEqual([])
  }, 20_000)

  it('has turns on their way count for the bound on what waits', async () => {
    const { state, wrapRecords } = gated()
    const { post } = ahead({ wrapRecords, buffer: { maxTurnsPerScope: 3 } })
    state.isOpen = false
    for (let turn = 1; turn <= 3; turn++) await post(turn, 'I have a cat')
    await expect(post(4, 'I have a cat')).rejects.toMatchObject({ code: 'too_many_pending' })
  })
})

describe('a log that takes nothing', () => {
  it('refuses the turn, and nothing of it is stored', async () => {
    const log = openSqliteIntakeLog(':memory:')
    const append = async () => {
      throw new AppError('backend_unavailable', 'no room on the disk')
    }
    const { post, buffer, turnsStored } = ahead({ intakeLog: { ...log, append } })
    await expect(post(1, 'I live in Leeds')).rejects.toThrow('no room on the disk')
    expect(buffer.counts(ADA)).toEqual({ turns: 0, tokens: 0 })
    expect(await turnsStored()).toEqual([])
  })
})

describe('a process that is killed at any moment', () => {
  const turn = fc.integer({ min: 1, max: 4 })
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('post' as const), turn, say: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), ticks: fc.nat(12) }) },
  )

  it('leaves every turn that was acknowledged, as it was said last, and none of a user that was forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const folder = tempDir()
        let files = 0
        const open = async (from: string | undefined): Promise<SetUp & { folder: string }> => {
          const own = join(folder, String(files++))
          mkdirSync(own)
          if (from !== undefined) cpSync(from, own, { recursive: true })
          const records = openSqliteRecords(join(own, 'records.db'))
          const at = ahead({ records, intakeLog: openSqliteIntakeLog(join(own, 'intake.db')) })
          await at.log.start()
          await at.buffer.start()
          return { ...at, folder: own }
        }
        let at = await open(undefined)
        const expected = new Map<number, string>()
        for (const one of [...steps, { do: 'kill' as const, ticks: 0 }]) {
          if (one.do === 'post') {
            const said = `I have seen ${one.say} birds`
            await at.post(one.turn, said)
            expected.set(one.turn, said)
          } else if (one.do === 'kill') {
            for (let i = 0; i < one.ticks; i++) await new Promise(setImmediate)
            at = await open(at.folder)
            const stored = await at.turnsStored()
            const found = new Map(stored.map((each) => [each.turn, each.messages[0]?.content]))
            expect(found).toEqual(expected)
            expect(stored).toHaveLength(expected.size)
          } else {
            await at.services.ahead?.caughtUp(KEY)
            if (one.do === 'flush') await at.buffer.flush(ADA)
            else {
              await at.services.engine.forget(ADA)
              await at.buffer.forgotten(ADA)
              await at.services.ahead?.assertLetGo()
              expected.clear()
            }
          }
        }
      }),
      { numRuns: 25 },
    )
  }, 60_000)
})

describe('a clean end', () => {
  it('brings all to its place, and leaves nothing in the log', async () => {
    const path = join(tempDir(), 'intake.db')
    const { post, log, turnsStored } = ahead({ intakeLog: openSqliteIntakeLog(path) })
    for (let turn = 1; turn <= 10; turn++) await post(turn, 'I have a cat')
    await log.close()
    expect(await turnsStored()).toHaveLength(10)
    const next = openSqliteIntakeLog(path)
    expect(next.entries()).toEqual([])
    await next.close()
  })
})
