import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CallerOptions } from '../../../sidecar/adapters/openai/caller.ts'
import { ModelUnavailable } from '../../../sidecar/ports/language-model.ts'
import { requestOf } from '../../contract/language-model.ts'
import { openModelSubject } from '../../helpers/scripted-openai/model-subject.ts'

async function open(options: Partial<CallerOptions> = {}) {
  const { subject, close } = await openModelSubject({ retries: 2, ...options })
  onTestFinished(close)
  return subject
}

async function failureOf(promise: Promise<unknown>): Promise<ModelUnavailable> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(ModelUnavailable)
  return failure as ModelUnavailable
}

/** A port that nobody listens at: it was free a moment ago. */
async function deadUrl(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}/v1`
}

describe('the OpenAI language model, when tries fail,', () => {
  it('tries again after failures of the moment, and books every try', async () => {
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

  it.each([408, 409, 429, 500, 502, 503, 504, 529])('tries again after %d', async (status) => {
    const { model, server } = await open()
    server.rules.replace({ times: 2, status }, { answer: 'yes' })
    expect((await model.complete(requestOf())).text).toBe('yes')
  })

  it.each([400, 401, 403, 404, 413, 422])('does not try again after %d', async (status) => {
    const { model, server, time } = await open()
    server.rules.replace({ status })
    expect(await failureOf(model.complete(requestOf()))).toMatchObject({ status })
    expect(server.requests).toHaveLength(1)
    expect(time.slept).toEqual([])
  })

  it('gives up after its retries with the last failure', async () => {
    const { model, server } = await open({ retries: 3 })
    server.rules.replace({ status: 503 })
    expect((await failureOf(model.complete(requestOf()))).reason).toBe('server_error')
    expect(server.requests).toHaveLength(4)
  })

  it.each([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['a date', { 'retry-after': 'Sun, 01 Mar 2026 09:00:09 GMT' }, 9000],
    ['milliseconds', { 'retry-after': '1', 'retry-after-ms': '8250' }, 8250],
  ])('waits as long as Retry-After says in %s', async (_, headers, wait) => {
    const { model, server, time } = await open({ retryDelayMs: 1 })
    server.rules.replace({ times: 1, status: 429, headers }, { answer: 'yes' })
    await model.complete(requestOf())
    expect(time.slept).toEqual([wait])
  })

  it('leaves a long Retry-After to the caller', async () => {
    const { model, server, time } = await open()
    server.rules.replace({ status: 429, headers: { 'retry-after': '3600' } })
    const failure = await failureOf(model.complete(requestOf()))
    expect(failure).toMatchObject({ reason: 'rate_limited', retryAfterMs: 3_600_000 })
    expect(time.slept).toEqual([])
  })

  it('does not ask an account without quota again', async () => {
    const { model, server } = await open()
    server.rules.replace({ status: 429, body: { error: { message: 'no', code: 'insufficient_quota' } } })
    expect((await failureOf(model.complete(requestOf()))).message).toMatch(/no quota left.*billing/)
    expect(server.requests).toHaveLength(1)
  })

  it('ends a wait when the caller leaves', async () => {
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

  it('is timed out when the endpoint hangs, and does not pay twice', async () => {
    const { model, server, time, ledger } = await open({ timeoutMs: 60_000 })
    server.rules.replace({ hang: true })
    const failed = failureOf(model.complete(requestOf()))
    await server.received(1)
    time.expire()
    expect(await failed).toMatchObject({ reason: 'timeout', message: expect.stringContaining('60000 ms') })
    expect(ledger).toMatchObject([{ outcome: 'timeout', latencyMs: 60_000 }])
  })

  it('is timed out when the endpoint hangs in the middle of its answer', async () => {
    const { model, server, time } = await open()
    server.rules.replace({ hang: 'in the body' })
    const failed = failureOf(model.complete(requestOf()))
    await server.received(1)
    // Long enough for the head of the answer; the outcome is the same when it was not.
    await new Promise((resolve) => setTimeout(resolve, 10))
    time.expire()
    expect((await failed).reason).toBe('timeout')
  })

  it('is timed out by the real clock when the endpoint is slow', async () => {
    const { systemTime } = await import('../../../sidecar/adapters/openai/time.ts')
    const { model, server } = await open({ timeoutMs: 20, time: systemTime })
    server.rules.replace({ latencyMs: 5000 })
    expect((await failureOf(model.complete(requestOf()))).reason).toBe('timeout')
  })

  it('says that nobody listens', async () => {
    const baseUrl = await deadUrl()
    const { model } = await open({ baseUrl, retries: 0 })
    const failure = await failureOf(model.complete(requestOf()))
    expect(failure.reason).toBe('unreachable')
    expect(failure.message).toContain(new URL(baseUrl).host)
    expect(failure.message).toMatch(/ECONNREFUSED.*base URL/)
  })

  it.each([
    ['HTML', '<html>502</html>', /text that is not JSON.*base URL/],
    ['nothing', '', /nothing/],
    ['no choices', { choices: [] }, /no choices/],
    ['another object', { hello: 1 }, /not a completion/],
    ['an error without a status', { error: { message: 'upstream' } }, /an error/],
  ])('takes %s with status 200 for a bad answer', async (_, body, message) => {
    const { model, server } = await open()
    server.rules.replace({ body })
    const failure = await failureOf(model.complete(requestOf()))
    expect(failure.reason).toBe('bad_answer')
    expect(failure.message).toMatch(message)
  })

  it('takes a body that is cut off for a bad answer', async () => {
    const { model, server } = await open()
    server.rules.replace({ headers: { 'content-type': 'application/json' }, body: '{"choices":[{"mess' })
    expect((await failureOf(model.complete(requestOf()))).message).toContain('a body that is not JSON')
  })

  it('takes an endless body for a bad answer', async () => {
    const { model, server } = await open()
    server.rules.replace({
      body: 'x'.repeat(33 * 1024 * 1024),
      headers: { 'content-type': 'application/json' },
    })
    expect((await failureOf(model.complete(requestOf()))).message).toContain('more than 32 MiB')
  })

  it('reads the error that a gateway hides behind status 200', async () => {
    const { model, server } = await open()
    server.rules.replace({ times: 1, body: { error: { code: 429, message: 'busy' } } }, { answer: 'yes' })
    expect((await model.complete(requestOf())).text).toBe('yes')
  })

  it.each([
    [
      404,
      { error: { message: 'The model `scripted` does not exist', code: 'model_not_found' } },
      /no model "scripted"/,
    ],
    [404, '404 page not found', /no such path.*\/v1/],
    [
      401,
      { error: { message: 'Incorrect API key provided: sk-secret' } },
      /rejected the API key.*check the key/,
    ],
    [
      400,
      { error: { message: 'maximum context length is 4096 tokens, my dog is called Xanthippe' } },
      /of this length/,
    ],
  ])('says what can be done about %d', async (status, body, message) => {
    const { model, server } = await open()
    server.rules.replace({ status, body })
    const failure = await failureOf(model.complete(requestOf()))
    expect(failure.message).toMatch(message)
    // Also not for those who log the whole error.
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toMatch(/sk-secret|Xanthippe/)
  })
})
