import { describe, expect, it } from 'vitest'
import { type LanguageModel, ModelUnavailable } from '../../../../sidecar/ports/language-model.ts'
import {
  exportOf,
  importInto,
  type Line,
  live,
  recordsOf,
  type Step,
} from '../../../helpers/cli/transfer/life.ts'
import { said, type TestApp, type TestAppOptions, testApp } from '../../../helpers/test-app.ts'

describe('POST /v1/import', () => {
  const life: Step[] = [
    { do: 'say', text: 'Ada likes tea.', turn: 1, alone: false },
    { do: 'say', text: 'Ada rows.', turn: 2, alone: false },
  ]

  it('keeps later corrections, deletions and messages', async () => {
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

  it('restores an export for another user', async () => {
    const app = testApp()
    await live(app, life)
    const exported = await exportOf(app)
    await importInto(app, recordsOf(exported), 'eve')
    expect(recordsOf(await exportOf(app, 'eve'))).toEqual(recordsOf(exported))
    expect(recordsOf(await exportOf(app))).toEqual(recordsOf(exported))
  })

  it('rejects invalid lines one by one', async () => {
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

describe('pending turns', () => {
  const away: LanguageModel = {
    kind: 'away',
    complete: () => Promise.reject(new ModelUnavailable('unreachable', 'it is away')),
  }
  const options: TestAppOptions = { model: away }

  it('are pending and recallable after the import', async () => {
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

  it('are not extracted again if they were extracted since the export', async () => {
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
