import { describe, expect, it } from 'vitest'
import { DAY, entry, NOON, openLedger } from './helpers.ts'

describe('the ledger', () => {
  it('sums tokens, latency, retries and cost', async () => {
    const { ledger } = openLedger()
    ledger.record(entry())
    ledger.record(entry({ tokensCached: 500, latencyMs: 49.6 }))
    ledger.record(entry({ outcome: 'timeout', tokensIn: 0, tokensOut: 0 }))
    ledger.record(entry({ outcome: 'rate_limited', retries: 1, tokensIn: 0, tokensOut: 0 }))
    ledger.record(entry({ retries: 2 }))
    expect(await ledger.query('default')).toEqual({
      totals: {
        calls: 5,
        failed: 2,
        tokens_in: 3000,
        tokens_out: 300,
        tokens_cached: 500,
        latency_ms: 250,
        retries: 2,
        cost: (3000 * 0.15 + 300 * 0.6) / 1e6,
      },
      groups: [],
      unpriced: [],
    })
  })

  it('returns zeros without calls', async () => {
    const { totals } = await openLedger().ledger.query('default')
    expect([...new Set(Object.values(totals))]).toEqual([0])
  })

  it('returns cost null and the model if a call has no known cost', async () => {
    const { ledger } = openLedger()
    ledger.record(entry())
    ledger.record(entry({ model: 'no-price' }))
    const { totals, groups, unpriced } = await ledger.query('default', {}, ['model'])
    expect(totals.cost).toBeNull()
    expect(groups.map(({ key, cost }) => [key['model'], cost])).toEqual([
      ['gpt-4o-mini', 0.00021],
      ['no-price', null],
    ])
    expect(unpriced).toEqual(['no-price'])
  })

  it('sums fractions without floating-point noise', async () => {
    const { ledger } = openLedger()
    for (let i = 0; i < 10; i++) ledger.record(entry({ tokensIn: 1, tokensOut: 0 }))
    expect((await ledger.query('default')).totals.cost).toBe(0.0000015)
  })

  it('filters calls', async () => {
    const { ledger } = openLedger()
    ledger.record(entry())
    ledger.record(
      entry({
        user: 'bob/%',
        conversationId: null,
        turn: 2,
        purpose: 'embed',
        model: 'm',
        arm: 'cached',
        at: NOON + DAY,
      }),
    )
    const callsOf = async (filter: object) => (await ledger.query('default', filter)).totals.calls
    for (const [filter, other] of [
      [{ userId: 'bob/%' }, { userId: 'ada' }],
      [{ turn: 2 }, { turn: 1 }],
      [{ purpose: 'embed' }, { purpose: 'extract' }],
      [{ model: 'm' }, { model: 'gpt-4o-mini' }],
      [{ from: NOON + 1 }, { to: NOON + 1 }],
      [{ from: NOON + DAY }, { to: NOON + DAY }],
    ]) {
      expect([filter, await callsOf(filter as object)]).toEqual([filter, 1])
      expect([other, await callsOf(other as object)]).toEqual([other, 1])
    }
    expect(await callsOf({ conversationId: 'c-1' })).toBe(1)
    expect(await callsOf({ arm: 'cached' })).toBe(1)
    expect(await callsOf({ arm: 'none' })).toBe(0)
    expect(await callsOf({ userId: 'bob/%', turn: 1 })).toBe(0)
    expect(await callsOf({ from: NOON + 2 * DAY })).toBe(0)
    expect(await callsOf({ to: NOON })).toBe(0)
  })

  it('groups by any fields, sorted by value', async () => {
    const { ledger } = openLedger()
    for (const [user, turn, at] of [
      ['bob', 10, NOON],
      ['ada', 9, NOON + DAY],
      ['bob', 9, NOON],
      ['ada', null, NOON],
      ['ada', 9, NOON + DAY],
    ] as const)
      ledger.record(entry({ user, turn, at }))
    const { groups } = await ledger.query('default', {}, ['user', 'turn', 'day'])
    expect(groups.map(({ key, calls }) => [key, calls])).toEqual([
      [{ user: 'ada', turn: null, day: '2026-03-01' }, 1],
      [{ user: 'ada', turn: 9, day: '2026-03-02' }, 2],
      [{ user: 'bob', turn: 9, day: '2026-03-01' }, 1],
      [{ user: 'bob', turn: 10, day: '2026-03-01' }, 1],
    ])
  })

  it('returns only calls of the namespace', async () => {
    const { ledger } = openLedger()
    ledger.record(entry({ namespace: 'one' }))
    ledger.record(entry({ namespace: 'one/ada' }))
    ledger.record(entry({ namespace: 'two', user: 'one/' }))
    for (const namespace of ['one', 'one/ada', 'two'])
      expect((await ledger.query(namespace)).totals.calls).toBe(1)
    expect((await ledger.query('on')).totals.calls).toBe(0)
  })

  it('rejects a query with more than 10,000 groups', async () => {
    const { ledger } = openLedger()
    for (let turn = 1; turn <= 10_000; turn++) ledger.record(entry({ turn }))
    expect((await ledger.query('default', {}, ['turn'])).groups).toHaveLength(10_000)
    ledger.record(entry({ turn: 10_001 }))
    await expect(ledger.query('default', {}, ['turn'])).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/^group_by: expected at most 10000 groups.*, got "turn"$/),
    })
    expect((await ledger.query('default', {}, ['user'])).groups).toHaveLength(1)
  })

  it('reads only the pages of the time range', async () => {
    const { ledger, scrolls } = openLedger()
    for (let i = 0; i < 5000; i++) ledger.record(entry({ at: NOON + i * 1000 }))
    await ledger.flush()
    for (const [filter, calls, pages] of [
      [{ from: NOON + 4_900_000 }, 100, 1],
      [{ to: NOON + 100_000 }, 100, 1],
      [{ from: NOON + 2_000_000, to: NOON + 2_600_000 }, 600, 2],
      [{}, 5000, 11],
    ] as const) {
      scrolls.length = 0
      expect((await ledger.query('default', filter)).totals.calls).toBe(calls)
      expect(scrolls).toHaveLength(pages)
    }
  })

  it('accepts invalid times', async () => {
    const { ledger, stored } = openLedger()
    for (const at of [-5, 0.5, Number.NaN, 1e300, Number.POSITIVE_INFINITY, NOON + 0.3])
      ledger.record(entry({ at }))
    expect((await ledger.query('default')).totals.calls).toBe(6)
    expect((await ledger.query('default', { from: Date.parse('9999-12-31') })).totals.calls).toBe(0)
    expect((await ledger.query('default', {}, ['day'])).groups.length).toBeGreaterThan(1)
    for (const { order } of await stored()) expect(Number.isSafeInteger(order)).toBe(true)
  })

  it('reports a stored row with an invalid payload by collection and id, and still erases its user', async () => {
    const { ledger, store, stored } = openLedger()
    const row = { id: 'bad', order: 0, payload: { user_id: 'ada', conversation_id: 'c-1' } }
    await store.commit([{ put: row, collection: 'ledger', scope: 'default/' }])
    await expect(ledger.query('default')).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/^Record bad in collection ledger is invalid: at: /),
    })
    expect(await ledger.forget({ namespace: 'default', userId: 'ada' })).toBe(1)
    expect(JSON.stringify(await stored())).not.toContain('ada')
  })

  it('removes a user from the rows and keeps tokens and cost', async () => {
    const { ledger, stored } = openLedger()
    for (let i = 0; i < 600; i++)
      ledger.record(entry({ user: i % 2 ? 'ada' : 'bob', conversationId: `of-${i % 2 ? 'ada' : 'bob'}` }))
    ledger.record(entry({ namespace: 'other' }))
    const before = await ledger.query('default')
    expect(await ledger.forget({ namespace: 'default', userId: 'ada' })).toBe(300)
    expect(await ledger.query('default')).toEqual(before)
    expect((await ledger.query('default', { userId: 'ada' })).totals.calls).toBe(0)
    expect((await ledger.query('default', { userId: 'bob' })).totals.calls).toBe(300)
    expect((await ledger.query('other', { userId: 'ada' })).totals.calls).toBe(1)
    const payloads = (await stored()).map(({ payload }) => JSON.stringify(payload))
    expect(payloads.filter((payload) => payload.includes('ada'))).toEqual([])
    expect(await ledger.forget({ namespace: 'default', userId: 'ada' })).toBe(0)
  })
})
