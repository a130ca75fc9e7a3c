import { expect, it } from 'vitest'
import { sha256Of } from '../../../../sidecar/http/access/api-keys.ts'
import { testApp } from '../../../helpers/test-app.ts'

const apiKeys = ['one', 'two'].map((namespace) => ({
  namespace,
  sha256: sha256Of(`the-key-of-${namespace}`),
}))

it('limits the requests of a key per minute, and says in each answer how many are left', async () => {
  const { call, clock } = testApp({ apiKeys, requestsPerMinute: 2 })
  const status = async (key: string) => {
    const { status, headers } = await call('GET', '/v1/status', undefined, {
      authorization: `Bearer the-key-of-${key}`,
    })
    const header = (name: string) => headers.get(name)
    return [status, header('ratelimit-limit'), header('ratelimit-remaining'), header('retry-after')]
  }
  expect(await status('one')).toEqual([200, '2', '1', null])
  clock.advance(15_000)
  expect(await status('one')).toEqual([200, '2', '0', null])
  expect(await status('one')).toEqual([429, '2', '0', '45'])
  expect(await status('two')).toEqual([200, '2', '1', null])
  clock.advance(45_000)
  expect(await status('one')).toEqual([200, '2', '1', null])
  expect((await call('GET', '/healthz')).headers.get('ratelimit-limit')).toBeNull()
})

it('has no limit and no headers when it is 0', async () => {
  const { headers } = await testApp({ requestsPerMinute: 0 }).call('GET', '/v1/status')
  expect(headers.get('ratelimit-limit')).toBeNull()
})
