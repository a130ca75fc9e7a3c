import { describe, expect, it } from 'vitest'
import { AppError } from '../../../sidecar/ports/errors.ts'
import type { RecordStore } from '../../../sidecar/ports/records.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const SECRET = 'SQLITE_IOERR at /var/lib/secret: my text'

/** A store whose every operation fails with the given error after `breakNow`. */
function breakable(error: () => Error) {
  let broken = false
  return {
    breakNow: () => {
      broken = true
    },
    wrapRecords: (records: RecordStore): RecordStore => ({
      ...records,
      commit: (writes) => (broken ? Promise.reject(error()) : records.commit(writes)),
      get: (...args) => (broken ? Promise.reject(error()) : records.get(...args)),
      scroll: (...args) => (broken ? Promise.reject(error()) : records.scroll(...args)),
    }),
  }
}

const CALLS = [
  ['POST', '/v1/memories', said('I like tea.')],
  ['GET', '/v1/memories?user_id=ada', undefined],
  ['GET', '/v1/memories/x?user_id=ada', undefined],
  ['DELETE', '/v1/memories/x?user_id=ada', undefined],
] as const

describe('when the record store fails', () => {
  it('an unexpected error returns "internal" without details and logs the details', async () => {
    const { breakNow, wrapRecords } = breakable(
      () => new TypeError(SECRET, { cause: new Error('the cause') }),
    )
    const { call, errors } = testApp({ wrapRecords, expectErrors: true })
    breakNow()
    for (const [method, path, body] of CALLS) {
      const answer = await call(method, path, body)
      expect(answer.status).toBe(500)
      expect(answer.body).toEqual({
        error: {
          code: 'internal',
          message: 'Internal error. The log of the sidecar has the details under this request_id.',
          request_id: answer.headers.get('x-request-id'),
        },
      })
      const line = JSON.parse(errors.at(-1) as string)
      expect(line).toMatchObject({
        level: 'error',
        event: 'request failed',
        method,
        request_id: answer.body.error.request_id,
      })
      expect(line.error).toContain(SECRET)
      expect(line.error).toContain('the cause')
    }
    expect(errors).toHaveLength(CALLS.length)
  })

  it('a backend error returns "backend_unavailable" without its cause', async () => {
    const cause = new Error(SECRET)
    const { breakNow, wrapRecords } = breakable(
      () => new AppError('backend_unavailable', 'The record store is gone.', { cause }),
    )
    const { call, errors } = testApp({ wrapRecords, expectErrors: true })
    breakNow()
    for (const [method, path, body] of CALLS) {
      const answer = await call(method, path, body)
      expect(answer.status).toBe(503)
      expect(answer.body.error).toMatchObject({
        code: 'backend_unavailable',
        message: 'The record store is gone.',
      })
    }
    expect(errors.every((line) => line.includes(SECRET))).toBe(true)
  })

  it('recalls and searches return 503, and succeed after the store recovers', async () => {
    let fail = true
    const { call } = testApp({
      expectErrors: true,
      wrapRecords: (records) => ({
        ...records,
        scroll: (...args) => (fail ? Promise.reject(new Error(SECRET)) : records.scroll(...args)),
        search: (...args) => (fail ? Promise.reject(new Error(SECRET)) : records.search(...args)),
      }),
    })
    await call('POST', '/v1/memories', said('I like tea.'))
    for (const path of ['/v1/recall', '/v1/memories/search']) {
      const { status, body } = await call('POST', path, { user_id: 'ada', query: 'tea' })
      expect({ status, error: body.error }).toMatchObject({
        status: 503,
        error: { code: 'backend_unavailable', message: 'The record store did not respond. Retry later.' },
      })
    }
    fail = false
    expect((await call('POST', '/v1/recall', { user_id: 'ada', query: 'tea' })).body).toMatchObject({
      status: 'ok',
      count: 1,
    })
  })

  it('a turn that could not be stored is not recalled and can be sent again', async () => {
    let fail = true
    const { call } = testApp({
      expectErrors: true,
      wrapRecords: (records) => ({
        ...records,
        commit: (writes) =>
          fail ? Promise.reject(new AppError('backend_unavailable', 'full')) : records.commit(writes),
      }),
    })
    const turn = said('I like tea.', { conversation_id: 'c' })
    const recall = { user_id: 'ada', query: 'tea' }
    expect((await call('POST', '/v1/recall', recall)).body.status).toBe('empty')
    expect((await call('POST', '/v1/memories', turn)).status).toBe(503)
    expect((await call('POST', '/v1/recall', recall)).body.count).toBe(0)
    fail = false
    expect((await call('POST', '/v1/memories', turn)).body).toMatchObject({
      turn: 1,
      events: [{ event: 'ADD' }],
    })
    expect((await call('POST', '/v1/recall', recall)).body.count).toBe(1)
  })
})
