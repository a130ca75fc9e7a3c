import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OWNED } from '../../sidecar/memory/forget.ts'
import { type LanguageModel, ModelUnavailable } from '../../sidecar/ports/language-model.ts'
import { scopeKey } from '../../sidecar/scope.ts'
import { said, type TestApp, type TestAppOptions, testApp } from '../helpers/test-app.ts'

type Line = { kind: string } & Record<string, unknown>

async function exportOf({ fetch }: TestApp, user = 'ada'): Promise<Line[]> {
  const response = await fetch(`/v1/export?user_id=${user}`)
  expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
  const text = await response.text()
  expect(text.endsWith('\n')).toBe(true)
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

const recordsOf = (lines: readonly Line[]) => lines.slice(1, -1)

async function importInto({ call }: TestApp, lines: readonly Line[], user = 'ada', size = 100) {
  const sum = { restored: 0, unchanged: 0, refused: 0 }
  for (let at = 0; at < lines.length; at += size) {
    const { status, body } = await call('POST', '/v1/import', {
      user_id: user,
      records: lines.slice(at, at + size),
    })
    expect({ status, body }).toMatchObject({ status: 200 })
    sum.restored += body.restored
    sum.unchanged += body.unchanged
    sum.refused += body.refused.length
  }
  return sum
}

/** Everything that can be asked of a user. */
async function answersOf({ call }: TestApp, times: readonly number[]) {
  const list = (query: string) => call('GET', `/v1/memories?user_id=ada&limit=500${query}`)
  const now = (await list('')).body.memories
  const then = []
  for (const at of times) then.push((await list(`&as_of=${new Date(at).toISOString()}`)).body.memories)
  const ids = [...new Set([now, ...then].flat().map(({ id }) => id as string))].sort()
  const history = []
  for (const id of ids) history.push((await call('GET', `/v1/memories/${id}/history?user_id=ada`)).body)
  return { now, then, history }
}

const TEXTS = [
  'Ada likes tea.',
  'Ada lives in Kyoto.',
  'Ada rows.',
  'Ada plays the cello.',
  'Ada fears geese.',
]
const text = fc.constantFrom(...TEXTS)
const step = fc.oneof(
  fc.record({
    do: fc.constant('say' as const),
    text,
    turn: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    alone: fc.boolean(),
  }),
  fc.record({
    do: fc.constantFrom('correct' as const, 'delete' as const, 'restore' as const),
    nth: fc.nat(),
    text,
  }),
  fc.record({
    do: fc.constant('import' as const),
    text,
    at: fc.integer({ min: 1_600_000_000, max: 1_700_000_000 }),
  }),
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Lives through some steps; afterwards the clock has moved on with each. */
async function live({ call, clock }: TestApp, steps: readonly Step[]): Promise<number[]> {
  const times: number[] = []
  const ids = new Set<string>()
  for (const one of steps) {
    clock.advance(60_000)
    if (one.do === 'say') {
      const where = one.alone ? {} : { conversation_id: 'c', turn: one.turn }
      const { body } = await call('POST', '/v1/memories', said(one.text, where), {
        'idempotency-key': `k${times.length}`,
      })
      for (const { id } of body.events) ids.add(id)
    } else if (one.do === 'import') {
      const memory = {
        id: one.text,
        memory: `${one.text} Imported.`,
        at: new Date(one.at * 1000).toISOString(),
      }
      await call('POST', '/v1/memories/import', { user_id: 'ada', memories: [memory] })
    } else {
      const id = [...ids][one.nth % Math.max(1, ids.size)]
      if (one.do === 'correct')
        await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: `${one.text} Corrected.` })
      if (one.do === 'delete') await call('DELETE', `/v1/memories/${id}?user_id=ada`)
      if (one.do === 'restore') await call('POST', `/v1/memories/${id}/restore`, { user_id: 'ada' })
    }
    times.push(clock.now())
  }
  return times
}

describe('an export', () => {
  it('of any life, forgotten and imported, in pieces or twice, is the same life', async () => {
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
          // Some of it first, as if interrupted; then all of it; then all of it again.
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
      { numRuns: 40 },
    )
  })

  it('of any life lets it go on as it would have: the same turn is the same turn', async () => {
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
      { numRuns: 25 },
    )
  })

  it('begins with a header, ends with the counts, and holds all that forgetting would erase', async () => {
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

  it('of nobody is a header and a footer', async () => {
    expect((await exportOf(testApp())).map(({ kind }) => kind)).toEqual(['header', 'footer'])
  })

  it('is read from the store as far as it is asked for', async () => {
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
    const texts = Array.from({ length: 2000 }, (_, i) => `${'Ada knows the number '.repeat(20)}${i}.`)
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
    expect(scrolled).toBe(afterOne)
  })
})

describe('an import of an export', () => {
  const life: Step[] = [
    { do: 'say', text: 'Ada likes tea.', turn: 1, alone: false },
    { do: 'say', text: 'Ada rows.', turn: 2, alone: false },
  ]

  it('leaves alone what was corrected, deleted and said since', async () => {
    const app = testApp()
    await live(app, life)
    const records = recordsOf(await exportOf(app))
    await live(app, [
      { do: 'say', text: 'Ada fears geese.', turn: 3, alone: false },
      { do: 'say', text: 'Ada likes tea.', turn: 1, alone: false },
    ])
    const list = async () => (await app.call('GET', '/v1/memories?user_id=ada&order=oldest')).body.memories
    const [tea, rows] = await list()
    await app.call('PATCH', `/v1/memories/${tea.id}`, { user_id: 'ada', memory: 'Ada likes green tea.' })
    await app.call('DELETE', `/v1/memories/${rows.id}?user_id=ada`)
    const before = await exportOf(app)
    expect((await importInto(app, records)).restored).toBe(0)
    expect((await exportOf(app)).slice(1)).toEqual(before.slice(1))
    expect((await list()).map(({ memory }: { memory: string }) => memory)).toEqual([
      'Ada likes green tea.',
      'Ada fears geese.',
    ])
  })

  it('may be into another user, who then has it as well', async () => {
    const app = testApp()
    await live(app, life)
    const exported = await exportOf(app)
    await importInto(app, recordsOf(exported), 'eve')
    expect(recordsOf(await exportOf(app, 'eve'))).toEqual(recordsOf(exported))
    expect(recordsOf(await exportOf(app))).toEqual(recordsOf(exported))
  })

  it('refuses bad lines by themselves', async () => {
    const app = testApp()
    await live(app, life)
    const [memory, ...others] = recordsOf(await exportOf(app)) as [Line, ...Line[]]
    const target = testApp()
    const broken = { ...memory, memory: { ...(memory['memory'] as object), created_at: 'then' } }
    const { body } = await target.call('POST', '/v1/import', {
      user_id: 'ada',
      records: [broken, { kind: 'header' }, 7, ...others],
    })
    expect(body).toMatchObject({ restored: others.length, unchanged: 0 })
    expect(body.refused).toMatchObject([
      { index: 0, reason: 'memory.created_at: expected an ISO 8601 time, got "then"' },
      { index: 1 },
      { index: 2 },
    ])
  })
})

describe('turns that wait to be learned from', () => {
  const away: LanguageModel = {
    kind: 'away',
    complete: () => Promise.reject(new ModelUnavailable('unreachable', 'it is away')),
  }
  const options: TestAppOptions = { model: away }

  it('wait where they are imported, and their words are recalled', async () => {
    const app = testApp(options)
    await app.call('POST', '/v1/memories', said('Ada likes tea.', { conversation_id: 'c', turn: 1 }))
    const exported = await exportOf(app)
    expect(exported.at(-2)).toMatchObject({ kind: 'pending', pending: { conversation_id: 'c', turn: 1 } })
    expect(JSON.stringify(exported)).not.toContain('default/ada')

    const target = testApp(options)
    const records = recordsOf(exported)
    await importInto(target, records)
    const pending = async ({ call }: TestApp) => (await call('GET', '/v1/pending?user_id=ada')).body.turns
    expect(await pending(target)).toMatchObject(await pending(app))
    const { body } = await target.call('POST', '/v1/recall', { user_id: 'ada', query: 'tea' })
    expect(body.context).toContain('Ada likes tea.')
    expect(await importInto(target, records)).toMatchObject({ restored: 0 })
    expect(await pending(target)).toHaveLength(1)
  })

  it('are not learned from again when they have been since', async () => {
    const app = testApp(options)
    const turn = said('Ada likes tea.', { conversation_id: 'c', turn: 1 })
    await app.call('POST', '/v1/memories', turn)
    const records = recordsOf(await exportOf(app))
    await app.call('POST', '/v1/memories', { ...turn, mode: 'verbatim' })
    const before = await exportOf(app)
    expect(before.map(({ kind }) => kind)).not.toContain('pending')
    await importInto(app, records)
    expect((await exportOf(app)).slice(1)).toEqual(before.slice(1))
  })
})
