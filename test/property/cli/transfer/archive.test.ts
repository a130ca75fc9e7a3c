import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OWNED } from '../../../../sidecar/memory/engine/forget.ts'
import { scopeKey } from '../../../../sidecar/memory/model/scope.ts'
import { answersOf, exportOf, importInto, live, recordsOf, step } from '../../../helpers/cli/transfer/life.ts'
import { testApp } from '../../../helpers/test-app.ts'

const RUNS = 10

describe('GET /v1/export', () => {
  it('restores the same state after deletion, also in parts or twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        fc.integer({ min: 1, max: 9 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (steps, size, part) => {
          const app = testApp()
          const times = await live(app, steps)
          const exported = await exportOf(app)
          const before = await answersOf(app, times)
          await app.call('DELETE', '/v1/memories?user_id=ada')
          expect(recordsOf(await exportOf(app))).toEqual([])

          const records = recordsOf(exported)
          // A part of the file as after an interruption, then the whole file, then the whole file again.
          await importInto(app, records.slice(0, Math.floor(part * records.length)), 'ada', size)
          await importInto(app, records, 'ada', size)
          expect(await importInto(app, records)).toEqual({
            restored: 0,
            unchanged: records.length,
            refused: 0,
          })
          expect((await exportOf(app)).slice(1)).toEqual(exported.slice(1))
          expect(await answersOf(app, times)).toEqual(before)
        },
      ),
      { numRuns: 2 * RUNS },
    )
  })

  it('restores idempotency: a repeated turn is recognised after the import', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 8 }),
        fc.array(step, { maxLength: 4 }),
        async (steps, later) => {
          const [one, other] = [testApp(), testApp()]
          await live(one, steps)
          await importInto(other, recordsOf(await exportOf(one)))
          other.clock.advance(one.clock.now() - other.clock.now())
          const last = [...later, { do: 'say' as const, text: 'Ada sleeps.', turn: undefined, alone: false }]
          await live(one, last)
          await live(other, last)
          expect((await exportOf(other)).slice(1)).toEqual((await exportOf(one)).slice(1))
        },
      ),
      { numRuns: RUNS },
    )
  })

  it('contains a header, everything that deleting the user would erase, and a footer with counts', async () => {
    const app = testApp()
    await live(app, [
      { do: 'say', text: 'Ada likes tea.', turn: undefined, alone: false },
      { do: 'correct', nth: 0, text: 'Ada rows.' },
      { do: 'delete', nth: 0, text: '' },
      { do: 'import', text: 'Ada fears geese.', at: 1_600_000_000 },
    ])
    const put = { id: 'g', order: 7, payload: { turn_ids: ['t'], entities: ['Ada'], relations: [] } }
    const scope = scopeKey({ namespace: 'default', userId: 'ada' })
    await app.services.records.commit([{ put, collection: 'graph', scope }])
    const lines = await exportOf(app)
    expect(lines[0]).toEqual({
      kind: 'header',
      format: 'hippocache-export',
      version: 1,
      user_id: 'ada',
      exported_at: new Date(app.clock.now()).toISOString(),
    })
    expect(lines.at(-1)).toEqual({
      kind: 'footer',
      counts: { memory: 1, version: 2, ended: 1, history: 4, turn: 1, conversation: 1, call: 1, graph: 1 },
    })
    let kept = 0
    for (const collection of OWNED)
      kept += (await app.services.records.scroll(collection, scope, { limit: 100 })).length
    expect(kept).toBe(lines.length - 2)
  })

  it('of an unknown user is a header and a footer', async () => {
    expect((await exportOf(testApp())).map(({ kind }) => kind)).toEqual(['header', 'footer'])
  })

  it('reads from the store only as far as the client reads', async () => {
    let scrolled = 0
    const app = testApp({
      wrapRecords: (records) => ({
        ...records,
        scroll: (...args) => {
          scrolled += 1
          return records.scroll(...args)
        },
      }),
    })
    const texts = Array.from({ length: 1000 }, (_, i) => `${'Ada knows the number '.repeat(20)}${i}.`)
    for (let at = 0; at < texts.length; at += 500) {
      const memories = texts.slice(at, at + 500).map((memory) => ({ memory }))
      expect(
        (await app.call('POST', '/v1/memories/import', { user_id: 'ada', memories })).body.imported,
      ).toBe(500)
    }
    scrolled = 0
    const reader = (await app.fetch('/v1/export?user_id=ada')).body?.getReader()
    await reader?.read()
    const afterOne = scrolled
    await reader?.cancel()
    expect(afterOne).toBeGreaterThan(0)
    expect(afterOne).toBeLessThan(5)
    // A read that was in progress ends.
    expect(scrolled).toBeLessThanOrEqual(afterOne + 1)
  })
})
