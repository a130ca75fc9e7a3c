import { expect, it } from 'vitest'
import { testApp } from '../../helpers/test-app.ts'

it.each([
  ['PUT', '/v1/memories', 'GET, HEAD, POST, DELETE'],
  ['PATCH', '/v1/recall', 'POST'],
  ['DELETE', '/v1/recall', 'POST'],
  ['POST', '/openapi.json', 'GET, HEAD'],
  ['OPTIONS', '/v1/memories/some-id', 'GET, HEAD, PATCH, DELETE'],
  ['POST', '/healthz', 'GET, HEAD'],
])('answers 405 with Allow to %s %s', async (method, path, allow) => {
  const { status, headers, body } = await testApp().call(method, path)
  expect(status).toBe(405)
  expect(headers.get('allow')).toBe(allow)
  expect(body.error).toMatchObject({
    code: 'method_not_allowed',
    message: `${path}: expected one of ${allow}, got ${method}`,
  })
})

it('answers 404 for a path that does not exist', async () => {
  expect((await testApp().call('POST', '/v1/nothing')).status).toBe(404)
})
