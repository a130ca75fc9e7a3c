import fc from 'fast-check'
import { expect } from 'vitest'
import { said, type TestApp } from '../../test-app.ts'

export type Line = { kind: string } & Record<string, unknown>

export async function exportOf({ fetch }: TestApp, user = 'ada'): Promise<Line[]> {
  const response = await fetch(`/v1/export?user_id=${user}`)
  expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
  const text = await response.text()
  expect(text.endsWith('\n')).toBe(true)
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

export const recordsOf = (lines: readonly Line[]) => lines.slice(1, -1)

export async function importInto({ call }: TestApp, lines: readonly Line[], user = 'ada', size = 100) {
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

/** Every readable state of a user. */
export async function answersOf({ call }: TestApp, times: readonly number[]) {
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
export const step = fc.oneof(
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

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Runs the steps and advances the clock after each of them. */
export async function live({ call, clock }: TestApp, steps: readonly Step[]): Promise<number[]> {
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
