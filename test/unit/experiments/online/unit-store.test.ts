import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addRow, emptySummary, type Row } from '../../../../sidecar/experiments/online/summary.ts'
import {
  openPack,
  type PackColumns,
  packs,
  unpackUnit,
} from '../../../../sidecar/experiments/online/unit-pack.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import { EXPERIMENT, exposure, openUnits, place } from './helpers.ts'

const comparison = (id: string, age: number | null): Row => ({
  ...{
    kind: 'comparison',
    id,
    arm: 'a',
    at: 1,
    other: 'b',
    overlap: 0.5,
    rbo: 0.25,
    missed: 2,
    tokens: 100,
    age,
  },
})

const outcome = (id: string | null, value: number, name = 'thumbs'): Row => ({
  ...{ kind: 'outcome', id, name, value, at: 1 },
})

/** Rows with values whose sums are exact. */
const anyRow = fc.oneof(
  fc.record({
    tokens: fc.nat(2000),
    cache: fc.constantFrom('hit.hit', 'miss.window', 'none.disabled'),
    latency: fc.constantFrom(1, 2, 3),
    isEmpty: fc.boolean(),
    isDegraded: fc.boolean(),
  }),
  fc.record({ age: fc.option(fc.nat(5)) }),
  fc.record({ value: fc.integer({ min: -5, max: 5 }), name: fc.constantFrom('thumbs', 'constructor') }),
)

function toRow(value: Record<string, unknown>, i: number): Row {
  const id = String(i)
  if ('tokens' in value) return exposure(id, value)
  if ('age' in value) return comparison(id, value['age'] as number | null)
  return outcome(id, value['value'] as number, value['name'] as string)
}

describe('the sums of a unit', () => {
  it('are those of its rows in any order and in any batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .array(anyRow, { maxLength: 25 })
          .chain((rows) =>
            fc.tuple(
              fc.constant(rows.map(toRow)),
              fc.shuffledSubarray(rows.map(toRow), { minLength: rows.length, maxLength: rows.length }),
              fc.integer({ min: 1, max: 10 }),
            ),
          ),
        async ([rows, shuffled, batch]) => {
          const expected = unit()
          for (const row of rows) addRow(expected, row)
          const app = openUnits()
          await app.assign(place('c'))
          for (let i = 0; i < shuffled.length; i += batch) {
            await app.units.fold(shuffled.slice(i, i + batch).map((row) => ({ place: place('c'), row })))
          }
          expect(await app.summaries()).toEqual([expected.summary])
        },
      ),
      { numRuns: 40, seed: 16 },
    )
  })

  it('count a repeated row once', async () => {
    const app = openUnits()
    await app.assign(place('c'))
    const row = { place: place('c'), row: exposure('1') }
    expect([...(await app.units.fold([row, { ...row }])).values()]).toEqual(['added', 'duplicate'])
    expect([...(await app.units.fold([row])).values()]).toEqual(['duplicate'])
    expect(await app.summaries()).toMatchObject([{ turns: 1, tokens: { n: 1, sum: 700, squares: 490_000 } }])
    expect(await app.units.totals('default', EXPERIMENT.salt)).toMatchObject({
      arms: { a: { units: 1, turns: 1 } },
    })
  })

  it('have the latest value of an outcome with an id, and every value of those without', async () => {
    const app = openUnits()
    await app.assign(place('c'))
    const rows = [
      outcome('m1', 0),
      outcome('m1', 1),
      outcome('m2', 1),
      outcome(null, 5, 'stars'),
      outcome(null, 5, 'stars'),
    ]
    const effects = await app.units.fold(rows.map((row) => ({ place: place('c'), row })))
    expect([...effects.values()]).toEqual(['added', 'replaced', 'added', 'added', 'added'])
    expect((await app.summaries())[0]?.outcomes).toEqual({
      thumbs: { n: 2, sum: 2, squares: 2 },
      stars: { n: 2, sum: 10, squares: 50 },
    })
  })

  it('keep small values exactly when a large one is corrected or removed', () => {
    for (const correction of [2, null]) {
      const known = unit()
      for (const row of [outcome('m1', 1), outcome('m2', 1e150), { ...outcome('m2', 0), value: correction }])
        addRow(known, row)
      expect(known.summary.outcomes['thumbs']).toEqual(
        correction === null ? { n: 1, sum: 1, squares: 1 } : { n: 2, sum: 3, squares: 5 },
      )
    }
  })

  it('refuse a 51st name of an outcome, and a name that is no plain key', () => {
    const known = unit()
    for (let i = 0; i < 50; i++) addRow(known, outcome(null, 1, `n${i}`))
    expect(addRow(known, outcome(null, 1, 'n50'))).toBe('refused')
    expect(addRow(unit(), outcome(null, 1, '__proto__'))).toBe('refused')
  })

  it('leave out the rows of another arm, and count them as conflicts', async () => {
    const app = openUnits()
    await app.assign(place('c'))
    await app.units.fold([{ place: place('c'), row: exposure('1', { arm: 'b' }) }])
    expect(await app.summaries()).toMatchObject([{ arm: 'a', turns: 0 }])
    expect(await app.units.totals('default', EXPERIMENT.salt)).toMatchObject({ conflicts: 1 })
  })

  it('are the same after a failed write is retried, whether or not it had taken effect', async () => {
    let failure: 'before' | 'after' | undefined
    const app = openUnits((records) => ({
      ...records,
      async commit(writes) {
        if (failure === 'before') throw new Error('failed')
        await records.commit(writes)
        if (failure === 'after') throw new Error('failed')
      },
    }))
    await app.assign(place('c'))
    const rows = ['1', '2'].map((id) => ({ place: place('c'), row: exposure(id) }))
    for (failure of ['before', 'after'] as const) await expect(app.units.fold(rows)).rejects.toThrow('failed')
    failure = undefined
    await app.units.fold(rows)
    expect(await app.summaries()).toMatchObject([{ turns: 2 }])
  })
})

describe('an assignment', () => {
  it('gives one arm to a unit that two processes assign at once', async () => {
    const app = openUnits()
    const arms = await Promise.all(['a', 'b', 'c'].map(async (arm) => await app.assign(place('c'), arm)))
    expect(new Set(arms).size).toBe(1)
    expect(await app.assign(place('c'), 'z')).toBe(arms[0])
    expect(await app.summaries()).toHaveLength(1)
  })

  it('keeps a unit unassigned when no arm is decided', async () => {
    const app = openUnits()
    expect(
      await app.units.assign(
        place('c'),
        () => 1,
        async () => undefined,
      ),
    ).toBeUndefined()
    expect(await app.summaries()).toEqual([])
  })

  it('tells conversations of different users apart', async () => {
    const app = openUnits()
    await app.assign(place('c', 'ada'), 'a')
    expect(await app.assign(place('c', 'eve'), 'b')).toBe('b')
  })
})

describe('packed units', () => {
  it('have the same sums as live ones, keep their arm, and get rows', async () => {
    const app = openUnits(undefined, 2)
    const places = Array.from({ length: 200 }, (_, i) => place(`c${i}`))
    for (const [i, one] of places.entries()) await app.assign(one, i % 2 === 0 ? 'a' : 'b', i + 1)
    const fold = async (id: string) =>
      await app.units.fold(
        places.map((one, i) => ({
          place: one,
          row: exposure(id, { arm: i % 2 === 0 ? 'a' : 'b', at: i + 1 }),
        })),
      )
    await fold('1')
    expect(await liveCount(app.records)).toBeLessThanOrEqual(16 * 2)
    expect([...(await fold('1')).values()]).toEqual(places.map(() => 'duplicate'))
    await fold('2')
    const summaries = await app.summaries()
    expect(summaries).toHaveLength(200)
    expect(new Set(summaries.map(({ turns }) => turns))).toEqual(new Set([2]))
    expect(summaries.filter(({ arm }) => arm === 'a')).toHaveLength(100)
    for (const [i, one] of places.entries()) expect(await app.assign(one, 'z')).toBe(i % 2 === 0 ? 'a' : 'b')
    expect(await app.units.totals('default', EXPERIMENT.salt)).toEqual({
      arms: { a: { units: 100, turns: 200 }, b: { units: 100, turns: 200 } },
      conflicts: 0,
    })
  })

  it.each([
    ['two lines per unit', (columns: PackColumns) => ({ units: Object.fromEntries(linesById(columns)) })],
    ['columns of records', withNamedFields],
  ])(
    'of earlier versions are read, get rows, and lose the ids of an erased user: %s',
    async (_, toEarlier) => {
      const app = openUnits(undefined, 2)
      const places = Array.from({ length: 100 }, (_, i) => place(`c${i}`, i % 4 === 0 ? 'eve-7' : 'ada'))
      for (const one of places) await app.assign(one)
      const fold = (id: string) => app.units.fold(places.map((one) => ({ place: one, row: exposure(id) })))
      await fold('1')
      const before = await app.summaries()
      expect(before.map(({ turns }) => turns)).toEqual(places.map(() => 1))
      expect(await storePacksAs(app.records, toEarlier)).toBeGreaterThan(0)
      expect(await app.summaries()).toEqual(before)
      expect(await app.units.forget('default', EXPERIMENT.salt, 'eve-7')).toBe(25)
      await storePacksAs(app.records, toEarlier)
      for (const [{ place: one }, effect] of await fold('2')) {
        expect(effect).toBe(one.unit.userId === 'ada' ? 'added' : 'unknown')
      }
      const turns = (await app.summaries()).map((summary) => summary.turns)
      expect(turns.sort()).toEqual([...Array(25).fill(1), ...Array(75).fill(2)])
    },
  )

  it('lose the ids of an erased user and keep their sums', async () => {
    const app = openUnits(undefined, 2)
    const places = Array.from({ length: 100 }, (_, i) => place(`c${i}`, i % 4 === 0 ? 'eve-7' : 'ada'))
    for (const one of places) await app.assign(one)
    await app.units.fold(places.map((one) => ({ place: one, row: exposure('1') })))
    expect(await app.units.forget('default', EXPERIMENT.salt, 'eve-7')).toBe(25)
    const summaries = await app.summaries()
    expect(summaries.map(({ turns }) => turns)).toEqual(places.map(() => 1))
    for (const scope of await app.records.scopes('experiments', { limit: 100 })) {
      const records = await app.records.scroll('experiments', scope, { limit: 1000 })
      expect(JSON.stringify(records)).not.toContain('eve-7')
    }
    const late = await app.units.fold([{ place: places[0] as never, row: exposure('2') }])
    expect([...late.values()]).toEqual(['unknown'])
  })

  it('are erased with their experiment', async () => {
    const app = openUnits(undefined, 2)
    const places = Array.from({ length: 100 }, (_, i) => place(`c${i}`))
    for (const one of places) await app.assign(one)
    await app.units.fold(places.map((one) => ({ place: one, row: exposure('1') })))
    await app.units.erase('default', EXPERIMENT.salt)
    expect(await app.records.scopes('experiments', { limit: 100 })).toEqual([])
  })

  it('are each stored once after a crash at any commit', async () => {
    let left = Number.POSITIVE_INFINITY
    const app = openUnits(
      (records) => ({
        ...records,
        async commit(writes) {
          if (left-- <= 0) throw new Error('crashed')
          await records.commit(writes)
        },
      }),
      2,
    )
    const places = Array.from({ length: 60 }, (_, i) => place(`c${i}`))
    for (const one of places) await app.assign(one)
    for (let turn = 0; turn < 12; turn++) {
      const rows = places.map((one) => ({ place: one, row: exposure(String(turn)) }))
      left = turn
      await app.units.fold(rows).catch(() => {})
      left = Number.POSITIVE_INFINITY
      await app.units.fold(rows)
      const summaries = await app.summaries()
      expect(summaries.map(({ turns }) => turns)).toEqual(places.map(() => turn + 1))
    }
  })
})

function unit() {
  const rest = { user_id: 'ada', conversation_id: 'c', seen: 0, recent: [], values: [] }
  return { ...rest, summary: emptySummary('a', 1) }
}

/** Rewrites all packs as an earlier version stored them. Returns their number. */
async function storePacksAs(
  records: RecordStore,
  toEarlier: (columns: PackColumns) => object,
): Promise<number> {
  let count = 0
  for (const scope of await records.scopes('experiments', { limit: 100 })) {
    for (const record of await records.scroll('experiments', scope, { limit: 1000 })) {
      if (!('summaries' in record.payload)) continue
      await records.commit([packs.put(scope, record.id, record.order, toEarlier(packs.read(record)))])
      count += 1
    }
  }
  return count
}

function linesById(columns: PackColumns): [id: string, lines: string][] {
  const { summaries } = withNamedFields(columns)
  return [...openPack({ ...columns, summaries })].map(([id, { summary, rest }]) => [
    id,
    `${summary}\n${rest}`,
  ])
}

/** The summaries as JSON with the names of all fields, the latency as a record. */
function withNamedFields(columns: PackColumns): PackColumns {
  const summaries = [...openPack(columns).values()].map((packed) => {
    const { latency, ...summary } = unpackUnit(packed).summary
    const byBucket = Object.fromEntries(
      latency.flatMap((bucket, i) => (i % 2 ? [] : [[bucket, latency[i + 1]]])),
    )
    return `${JSON.stringify({ ...summary, latency: byBucket })}\n`
  })
  return { ...columns, summaries: summaries.join('') }
}

async function liveCount(records: RecordStore): Promise<number> {
  let count = 0
  for (const scope of await records.scopes('experiments', { limit: 100 })) {
    count += (await records.scroll('experiments', scope, { limit: 1000 })).filter(
      ({ order }) => order > 0,
    ).length
  }
  return count
}
