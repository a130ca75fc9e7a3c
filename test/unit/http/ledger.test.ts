import { describe, expect, it } from 'vitest'
import { sha256Of } from '../../../sidecar/http/access/api-keys.ts'
import { testApp } from '../../helpers/test-app.ts'
import { DAY, entry, NOON } from '../insight/ledger/helpers.ts'

const PRICES = 'gpt-4o-mini=0.15/0.6/0.075,text-embedding-3-small=0.02/0'

/** An app with model calls for two turns of Ada on one day and for Bob on the next. */
function withCalls() {
  const app = testApp({ prices: PRICES })
  const embed = { purpose: 'embed', model: 'text-embedding-3-small', tokensOut: 0 } as const
  app.ledger.record(entry({ turn: 1, tokensCached: 400 }))
  app.ledger.record(entry({ turn: 2, arm: 'cached', retries: 1 }))
  app.ledger.record(entry({ turn: 2, arm: 'cached', ...embed }))
  app.ledger.record(
    entry({
      user: 'bob',
      conversationId: 'c-2',
      at: NOON + DAY,
      outcome: 'timeout',
      tokensIn: 0,
      tokensOut: 0,
    }),
  )
  app.ledger.record(
    entry({ user: 'bob', conversationId: 'c-2', at: NOON + DAY, purpose: 'reconcile', model: 'llama' }),
  )
  return app
}

describe('GET /v1/ledger', () => {
  it('returns the totals', async () => {
    const { call } = withCalls()
    const { status, body } = await call('GET', '/v1/ledger?user_id=ada')
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        totals: {
          calls: 3,
          failed: 0,
          tokens_in: 3000,
          tokens_out: 200,
          tokens_cached: 400,
          latency_ms: 150,
          retries: 1,
          cost: 0.00041,
        },
        groups: [],
        unpriced: [],
      },
    })
  })

  it('returns cost null and the model if a price is missing', async () => {
    const { body } = await withCalls().call('GET', '/v1/ledger?group_by=purpose')
    expect(body.totals).toMatchObject({ calls: 5, failed: 1, cost: null })
    expect(body.unpriced).toEqual(['llama'])
    expect(body.groups.map((group: { key: object; cost: number }) => [group.key, group.cost])).toEqual([
      [{ purpose: 'embed' }, 0.00002],
      [{ purpose: 'extract' }, 0.00039],
      [{ purpose: 'reconcile' }, null],
    ])
  })

  it.each([
    ['user_id=ada', 3],
    ['conversation_id=c-2', 2],
    ['turn=2', 2],
    ['turn=', 5],
    ['purpose=embed', 1],
    ['model=llama', 1],
    ['arm=cached', 2],
    ['arm=cached&purpose=extract', 1],
    ['day=2026-03-01', 3],
    ['day=2026-03-03', 0],
    ['from=2026-03-02', 2],
    ['to=2026-03-02', 3],
    ['from=2026-03-01T13:00:00%2B01:00', 5],
    ['from=2026-03-01T12:00:00.001Z', 2],
    ['from=2026-03-01&to=2026-03-03', 5],
    ['day=2026-03-01&from=2026-03-01T12:00:01Z', 0],
    ['day=2026-03-01&to=2026-03-09', 3],
    ['user_id=nobody', 0],
  ])('counts the calls with %s', async (query, calls) => {
    const { status, body } = await withCalls().call('GET', `/v1/ledger?${query}`)
    expect([status, body.totals?.calls]).toEqual([200, calls])
  })

  it('groups by the given fields in their order', async () => {
    const { call } = withCalls()
    const { body } = await call('GET', '/v1/ledger?group_by=day,%20user,arm,day&from=2026-03-01')
    expect(body.groups.map(({ key, calls }: { key: object; calls: number }) => [key, calls])).toEqual([
      [{ day: '2026-03-01', user: 'ada', arm: null }, 1],
      [{ day: '2026-03-01', user: 'ada', arm: 'cached' }, 2],
      [{ day: '2026-03-02', user: 'bob', arm: null }, 2],
    ])
    expect((await call('GET', '/v1/ledger?group_by=')).body.groups).toEqual([])
    const { key } = (await call('GET', '/v1/ledger?group_by=conversation,turn,model,purpose')).body.groups[0]
    expect(key).toEqual({ conversation: 'c-1', turn: 1, model: 'gpt-4o-mini', purpose: 'extract' })
  })

  it.each([
    [
      'group_by=users',
      /^group_by: expected a comma-separated list of user, conversation, turn, .* \(unknown: "users"\), got "users"$/,
    ],
    ['group_by=user;day', /^group_by: expected a comma-separated list of/],
    ['group_by=user&group_by=day', /^group_by: /],
    ['group_by=constructor', /^group_by: expected a comma-separated list of/],
    ['purpose=chat', /^purpose: expected one of .*"extract".*, got "chat"$/],
    ['from=yesterday', /^from: expected a UTC day .* or an ISO 8601 time with a time zone, got "yesterday"$/],
    ['from=2026-03-01T12:00:00', /^from: expected a UTC day/],
    ['to=2026-02-30', /^to: expected a UTC day .*, got "2026-02-30"$/],
    ['day=2026-3-1', /^day: expected a day like 2026-03-01, got "2026-3-1"$/],
    ['from=2026-03-02&to=2026-03-01', /^to: expected a time after from, got "2026-03-01"$/],
    ['from=2026-03-02&to=2026-03-02', /^to: expected a time after from/],
    ['turn=-1', /^turn: expected an integer from 0/],
    ['user_id=', /^user_id: expected a non-empty string, got ""$/],
    ['user=ada', /unknown field user$/],
  ])('rejects %s', async (query, message) => {
    const { status, body } = await withCalls().call('GET', `/v1/ledger?${query}`)
    expect(status).toBe(400)
    expect(body.error.message).toMatch(message)
  })

  it('returns only calls of the namespace of the key', async () => {
    const key = 'key-of-namespace-one'
    const { call, ledger } = testApp({ apiKeys: [{ namespace: 'one', sha256: sha256Of(key) }] })
    ledger.record(entry({ namespace: 'one' }))
    ledger.record(entry({ namespace: 'two' }))
    const answer = await call('GET', '/v1/ledger', undefined, { authorization: `Bearer ${key}` })
    expect(answer.body.totals.calls).toBe(1)
    expect((await call('GET', '/v1/ledger')).status).toBe(401)
  })
})
