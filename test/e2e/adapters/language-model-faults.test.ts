import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { systemTime } from '../../../sidecar/adapters/openai/time.ts'
import { ModelUnavailable } from '../../../sidecar/ports/language-model.ts'
import { requestOf } from '../../contract/language-model.ts'
import { useModel } from '../../helpers/scripted-openai/model-subject.ts'

const open: typeof useModel = (options) => useModel({ retries: 2, ...options })

async function failureOf(promise: Promise<unknown>): Promise<ModelUnavailable> {
  const failure = await promise.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ModelUnavailable)
  return failure as ModelUnavailable
}

/** The address of a port without a listener. */
async function deadUrl(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}/v1`
}

describe('the OpenAI language model', () => {
  it('retries after transient failures and records every attempt', async () => {
    const { model, server, time, ledger } = await open()
    server.rules.replace(
      { times: 1, status: 500 },
      { times: 1, resetConnection: 'in the body' },
      { answer: 'yes' },
    )
    expect((await model.complete(requestOf())).text).toBe('yes')
    expect(ledger.map(({ outcome, retries }) => [outcome, retries])).toEqual([
      ['server_error', 0],
      ['unreachable', 1],
      ['ok', 2],
    ])
    expect(time.slept).toHaveLength(2)
    for (const delay of time.slept) expect(delay).toBeLessThanOrEqual(30_000)
  })

  it.for([408, 409, 429, 500, 502, 503, 504, 529])('retries after status %d', async (status) => {
    const { model, server } = await open()
    server.rules.replace({ times: 2, status }, { answer: 'yes' })
    expect((await model.complete(requestOf())).text).toBe('yes')
  })

  it.for([400, 401, 403, 404, 413, 422])('does not retry after status %d', async (status) => {
    const { model, server, time } = await open()
    server.rules.replace({ status })
    expect(await failureOf(model.complete(requestOf()))).toMatchObject({ status })
    expect(server.requests).toHaveLength(1)
    expect(time.slept).toEqual([])
  })

  it('rejects with the last failure when its retries are used up', async () => {
    const { model, server } = await open({ retries: 3 })
    server.rules.replace({ status: 503 })
    expect((await failureOf(model.complete(requestOf()))).reason).toBe('server_error')
    expect(server.requests).toHaveLength(4)
  })

  it.for([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['a date', { 'retry-after': 'Sun, 01 Mar 2026 09:00:09 GMT' }, 9000],
    ['milliseconds', { 'retry-after': '1', 'retry-after-ms': '8250' }, 8250],
  ] as const)('waits for Retry-After in %s', async ([, headers, wait]) => {
    const { model, server, time } = await open()
    server.rules.replace({ times: 1, status: 429, headers }, { answer: 'yes' })
    await model.complete(requestOf())
    expect(time.slept).toEqual([wait])
  })

  it('rejects at once when Retry-After exceeds the longest delay', async () => {
    const { model, server, time } = await open()
    server.rules.replace({ status: 429, headers: { 'retry-after': '3600' } })
    const failure = await failureOf(model.complete(requestOf()))
    expect(failure).toMatchObject({ reason: 'rate_limited', retryAfterMs: 3_600_000 })
    expect(time.slept).toEqual([])
  })

  it('does not retry when the account has no quota left', async () => {
    const { model, server } = await open()
    server.rules.replace({ status: 429, body: { error: { message: 'no', code: 'insufficient_quota' } } })
    expect((await failureOf(model.complete(requestOf()))).message).toMatch(/no quota left.*billing/)
    expect(server.requests).toHaveLength(1)
  })

  it('stops waiting for a retry when the caller aborts', async () => {
    const controller = new AbortController()
    const { model, server, time } = await open()
    const sleep = time.sleep
    time.sleep = (milliseconds, signal) => {
      controller.abort(new Error('left'))
      return sleep(milliseconds, signal)
    }
    server.rules.replace({ status: 500 })
    await expect(model.complete(requestOf({ signal: controller.signal }))).rejects.toThrow('left')
    expect(server.requests).toHaveLength(1)
  })

  it('times out without a retry when the endpoint hangs', async () => {
    const { model, server, time, ledger } = await open({ timeoutMs: 60_000 })
    server.rules.replace({ hang: true })
    const failed = failureOf(model.complete(requestOf()))
    await server.received(1)
    time.expire()
    expect(await failed).toMatchObject({ reason: 'timeout', message: expect.stringContaining('60000 ms') })
    expect(ledger).toMatchObject([{ outcome: 'timeout', latencyMs: 60_000 }])
  })

  it('times out when the endpoint hangs within the response body', async () => {
    const { model, server, time } = await open()
    server.rules.replace({ hang: 'in the body' })
    const failed = failureOf(model.complete(requestOf()))
    await server.received(1)
    // Usually enough for the response headers; the outcome is the same without them.
    await new Promise((resolve) => setTimeout(resolve, 10))
    time.expire()
    expect((await failed).reason).toBe('timeout')
  })

  it('times out by the system clock', async () => {
    const { model, server } = await open({ timeoutMs: 20, time: systemTime })
    server.rules.replace({ latencyMs: 5000 })
    expect((await failureOf(model.complete(requestOf()))).reason).toBe('timeout')
  })

  it('names the host and the base URL when the endpoint is unreachable', async () => {
    const baseUrl = await deadUrl()
    const { model } = await open({ baseUrl, retries: 0 })
    const failure = await failureOf(model.complete(requestOf()))
    expect(failure.reason).toBe('unreachable')
    expect(failure.message).toContain(new URL(baseUrl).host)
    expect(failure.message).toMatch(/ECONNREFUSED.*base URL/)
  })

  const headers = { 'content-type': 'application/json' }
  it.for([
    ['HTML', { body: '<html>502</html>' }, /text that is not JSON.*base URL/],
    ['an empty body', { body: '' }, /nothing/],
    ['no choices', { body: { choices: [] } }, /no choices/],
    ['another object', { body: { hello: 1 } }, /not a completion/],
    ['an error without a status', { body: { error: { message: 'upstream' } } }, /an error/],
    ['truncated JSON', { headers, body: '{"choices":[{"mess' }, /a body that is not JSON/],
    ['33 MiB', { headers, body: 'x'.repeat(33 * 1024 * 1024) }, /more than 32 MiB/],
  ] as const)('rejects %s with status 200 as bad_answer', async ([, rule, message]) => {
    const { model, server } = await open()
    server.rules.replace(rule)
    const failure = await failureOf(model.complete(requestOf()))
    expect(failure.reason).toBe('bad_answer')
    expect(failure.message).toMatch(message)
  })

  it('retries an error that a gateway returns with status 200', async () => {
    const { model, server } = await open()
    server.rules.replace({ times: 1, body: { error: { code: 429, message: 'busy' } } }, { answer: 'yes' })
    expect((await model.complete(requestOf())).text).toBe('yes')
  })

  const error = (message: string) => ({ error: { message } })
  it.for([
    [404, error('The model `scripted` does not exist'), /no model "scripted"/],
    [404, '404 page not found', /no such path.*\/v1/],
    [401, error('Incorrect API key provided: sk-secret'), /rejected the API key.*check the key/],
    [400, error('maximum context length is 4096 tokens, my dog is called Xanthippe'), /of this length/],
  ] as const)(
    'says what to do after %d %j, without the key or the prompt',
    async ([status, body, message]) => {
      const { model, server } = await open()
      server.rules.replace({ status, body })
      const failure = await failureOf(model.complete(requestOf()))
      expect(failure.message).toMatch(message)
      // Logs may print the whole error.
      expect(inspect(failure, { depth: 10, showHidden: true })).not.toMatch(/sk-secret|Xanthippe/)
    },
  )

  const prompt = 'my dog is called Xanthippe'
  it.for([
    [{ error: { message: 'Top-k is out of range' } }, ': "Top-k is out of range"'],
    [{ error: 'no adapter loaded' }, ': "no adapter loaded"'],
    [{ object: 'error', message: 'no adapter\n  loaded', code: 400 }, ': "no adapter loaded"'],
    [{ detail: [{ loc: ['body', 'n'], msg: 'n must be 1' }] }, ': "n must be 1"'],
    [{ error: { message: `cannot read "${prompt}" here` } }, ': "cannot read \\"…\\" here"'],
    [{ error: { message: `bad text ${prompt.slice(3)}!` } }, ': "bad text…!"'],
    [{ error: { message: 'bad key sk-secret or sk-proj-a1*****z' } }, ': "bad key … or …"'],
    [{ error: { message: 'Bearer abcdef12345 at http://me:pw@host/x' } }, ': "… at http://…@host/x"'],
    [{ error: { message: 'x'.repeat(5000) } }, `: "${'x'.repeat(299)}…"`],
    ['<html>400</html>', '(status 400)'],
  ] as const)("repeats the endpoint's own words in a refusal: %j", async ([body, words]) => {
    const { model, server } = await open({ apiKey: 'sk-secret' })
    server.rules.replace({ status: 400, body })
    const failure = await failureOf(
      model.complete(requestOf({ messages: [{ role: 'user', content: prompt }] })),
    )
    expect(failure.message.endsWith(words)).toBe(true)
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toMatch(/sk-secret|Xanthippe/)
  })
})
