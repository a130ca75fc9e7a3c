import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type TestApp, testApp } from '../../helpers/test-app.ts'

async function send({ fetch }: TestApp, method: string, path: string, text: string) {
  const response = await fetch(path, { method, headers: { 'content-type': 'application/json' }, body: text })
  const body = (await response.json()) as { error?: unknown }
  return { status: response.status, body }
}

const refusal = (field: string, received: string) => ({
  code: 'invalid_request',
  message: `${field}: expected a number that a 64-bit float holds exactly (send it as a string), got ${received}`,
  details: [{ field, message: expect.any(String), received }],
})

describe('a number that a 64-bit float cannot hold', () => {
  it.each(['9007199254740993', '-12345678901234567890', '1e400'])(
    'returns 400 that names the field for %s',
    async (n) => {
      const app = testApp()
      const messages = '[{"role":"user","content":"I keep bees."}]'
      for (const [method, path, text, field] of [
        [
          'POST',
          '/v1/memories',
          `{"user_id":"ada","messages":${messages},"metadata":{"a":1,"n":[0, ${n}]}}`,
          'metadata.n[1]',
        ],
        ['PUT', '/v1/cache/k', `{"value":${n}}`, 'value'],
        ['PUT', '/v1/cache/k', `{"value":{"deep":[{"n": ${n}}]}}`, 'value.deep[0].n'],
        [
          'POST',
          '/v1/recall',
          `{"user_id":"ada","query":"x","filters":{"metadata.n":${n}}}`,
          'filters.metadata.n',
        ],
        ['PATCH', '/v1/memories/x', `{"user_id":"ada","metadata":{"n":${n}}}`, 'metadata.n'],
      ] as const) {
        const { status, body } = await send(app, method, path, text)
        expect([status, body.error]).toEqual([400, expect.objectContaining(refusal(field, n))])
      }
      expect((await app.call('GET', '/v1/memories?user_id=ada')).body.memories).toEqual([])
    },
  )

  it('refuses only its entry of an import', async () => {
    const app = testApp()
    const entries =
      '{"memory":"Ada sails.","metadata":{"n":9007199254740993}},{"memory":"Ada keeps bees.","metadata":{"n":9007199254740991}}'
    const { body } = await send(
      app,
      'POST',
      '/v1/memories/import',
      `{"user_id":"ada","memories":[${entries}]}`,
    )
    expect(body).toMatchObject({
      imported: 1,
      refused: [{ index: 0, reason: expect.stringMatching(/^metadata\.n: .*got 9007199254740993$/) }],
    })
  })
})

it('every number in a cache value or in metadata comes back as it was sent, or is refused', async () => {
  const app = testApp()
  const number = fc.oneof(
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
    fc.bigInt({ min: 2n ** 53n - 9n, max: 2n ** 53n + 9n }).map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => JSON.stringify(one)),
  )
  let kept = 0
  let refused = 0
  await fc.assert(
    fc.asyncProperty(number, async (n) => {
      const { status } = await send(app, 'PUT', '/v1/cache/k', `{"value":[${n}]}`)
      if (status === 400) {
        refused += 1
        return
      }
      kept += 1
      expect(await (await app.fetch('/v1/cache/k')).text()).toContain(`"value":[${n}]`)
    }),
    { numRuns: 200 },
  )
  expect(kept).toBeGreaterThan(20)
  expect(refused).toBeGreaterThan(20)
})
