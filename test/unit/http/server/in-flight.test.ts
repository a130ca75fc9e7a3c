import { expect, it } from 'vitest'
import { sha256Of } from '../../../../sidecar/http/access/api-keys.ts'
import type { RecordStore } from '../../../../sidecar/ports/records.ts'
import { testApp } from '../../../helpers/test-app.ts'

const apiKeys = ['one', 'two', 'three'].map((namespace) => ({
  namespace,
  sha256: sha256Of(`the-key-of-${namespace}`),
}))

/** An app whose lists wait until `open` is called, and that accepts two requests per key and three in all. */
function slowApp() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const wrapRecords = (records: RecordStore): RecordStore => ({
    ...records,
    scroll: async (...args) => {
      await opened
      return await records.scroll(...args)
    },
  })
  const inFlight = { requests: 3, requestsPerKey: 2, bytes: 3000, bytesPerKey: 2000 }
  const { call } = testApp({ apiKeys, inFlight, wrapRecords })
  const list = (key: string, path = '/v1/memories?user_id=ada') =>
    call('GET', path, undefined, { authorization: `Bearer the-key-of-${key}` })
  const search = (key: string, length: number) =>
    call(
      'POST',
      '/v1/memories/search',
      { user_id: 'ada', as_of: '2026-01-01T00:00:00Z', query: 'x'.repeat(length) },
      { authorization: `Bearer the-key-of-${key}`, 'content-length': String(length + 100) },
    )
  return { list, search, open }
}

it('answers 429 with Retry-After above the requests of a key, and 503 above those of the sidecar', async () => {
  const { list, open } = slowApp()
  const running = [list('one'), list('one'), list('two')]
  const ofKey = await list('one')
  expect(ofKey).toMatchObject({ status: 429, body: { error: { code: 'too_many_requests' } } })
  expect(ofKey.headers.get('retry-after')).toBe('1')
  const ofAll = await list('three')
  expect(ofAll).toMatchObject({ status: 503, body: { error: { code: 'overloaded' } } })
  expect(ofAll.headers.get('retry-after')).toBe('1')
  expect((await list('three', '/healthz')).status).toBe(200)
  open()
  expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200, 200])
  expect((await list('one')).status).toBe(200)
})

it('counts the bytes of bodies in the same way, and accepts one body of any size', async () => {
  const { search, open } = slowApp()
  const running = [search('one', 2500)]
  expect(await search('one', 100)).toMatchObject({
    status: 429,
    body: { error: { code: 'too_many_requests' } },
  })
  expect(await search('two', 1000)).toMatchObject({ status: 503, body: { error: { code: 'overloaded' } } })
  running.push(search('two', 200))
  open()
  expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200])
  expect((await search('one', 2500)).status).toBe(200)
})
