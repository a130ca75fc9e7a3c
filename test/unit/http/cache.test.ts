import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyText } from '../../helpers/any-text.ts'
import { testApp } from '../../helpers/test-app.ts'

const NOTHING = { value: null, age_turns: null, age_s: null, serves_until_turn: null }

describe('the cache over HTTP', () => {
  it('sets, reads, overwrites and deletes an entry', async () => {
    const { call, clock } = testApp()
    const path = '/v1/cache/mem:ada'
    expect((await call('GET', path)).body).toEqual({ status: 'miss', reason: 'absent', ...NOTHING })
    const set = await call('PUT', path, {
      value: 'Ada likes tea.',
      ttl_s: 60,
      conversation_id: 'c',
      turn: 3,
      window_size: 5,
    })
    expect(set).toMatchObject({
      status: 200,
      body: {
        status: 'stored',
        expires_at: new Date(clock.now() + 60_000).toISOString(),
        serves_until_turn: 7,
      },
    })
    clock.advance(59_999)
    expect((await call('GET', `${path}?conversation_id=c&turn=5&window_size=5`)).body).toEqual({
      status: 'hit',
      reason: 'hit',
      value: 'Ada likes tea.',
      age_turns: 2,
      age_s: 60,
      serves_until_turn: 7,
    })
    expect((await call('GET', `${path}?conversation_id=c&turn=8`)).body).toMatchObject({
      status: 'stale',
      reason: 'window',
    })
    expect((await call('GET', `${path}?conversation_id=d&turn=4`)).body).toMatchObject({
      status: 'stale',
      reason: 'conversation',
    })
    clock.advance(1)
    expect((await call('GET', path)).body.status).toBe('miss')
    await call('PUT', path, { value: null })
    expect((await call('GET', path)).body).toMatchObject({ status: 'hit', value: null })
    expect((await call('DELETE', path)).body).toEqual({ status: 'deleted' })
    expect((await call('DELETE', path)).body).toEqual({ status: 'absent' })
  })

  it('treats an empty query parameter as absent', async () => {
    const { call } = testApp()
    await call('PUT', '/v1/cache/k', { value: 1, turn: 3, window_size: 5 })
    const { body } = await call('GET', '/v1/cache/k?conversation_id=&turn=&window_size=')
    expect(body).toMatchObject({ status: 'hit', value: 1, age_turns: null })
  })

  it('accepts any key as one encoded path segment', async () => {
    const { call } = testApp()
    const key = fc.oneof(
      anyText({ minLength: 1, maxLength: 40 }),
      fc.constantFrom(
        'a/b',
        '%2F',
        '%252F',
        '%',
        '100%',
        '*',
        '?',
        '#',
        'a b',
        '+',
        'ключ',
        '键',
        '\u0000',
        '..a',
        '://',
      ),
    )
    await fc.assert(
      fc.asyncProperty(key, key, async (one, other) => {
        // URL parsing removes `.` and `..` as path segments, even if they are encoded.
        fc.pre([one, other].every((text) => text.isWellFormed() && !/^\.\.?$/.test(text)))
        for (const text of [one, other]) {
          expect(
            (await call('PUT', `/v1/cache/${encodeURIComponent(text)}`, { value: `of ${text}` })).status,
          ).toBe(200)
        }
        for (const text of [one, other]) {
          expect((await call('GET', `/v1/cache/${encodeURIComponent(text)}`)).body.value).toBe(`of ${text}`)
        }
      }),
      { numRuns: 150 },
    )
  })

  it('rejects a value that exceeds the size of the cache', async () => {
    const { call } = testApp({ cacheMaxBytes: 70_000 })
    const { status, body } = await call('PUT', '/v1/cache/k', { value: 'x'.repeat(50_000) })
    expect({ status, code: body.error.code }).toEqual({ status: 413, code: 'payload_too_large' })
    expect(body.error.message).toMatch(/cache value: expected at most 70000 bytes, got 10\d{4}/)
  })

  it('a value that is too large is refused and removes the earlier one', async () => {
    const { call } = testApp({ maxBodyBytes: 8 * 1024 * 1024, cacheMaxBytes: 64 * 1024 * 1024 })
    await call('PUT', '/v1/cache/k', { value: 'earlier' })
    const { status, body } = await call('PUT', '/v1/cache/k', { value: 'x'.repeat(1024 * 1024 + 1) })
    expect({ status, message: body.error.message }).toEqual({
      status: 413,
      message: expect.stringMatching(/^value: expected at most 1048576 bytes.*earlier value was removed/),
    })
    expect((await call('GET', '/v1/cache/k')).body.status).toBe('miss')
  })
})
