import { describe, expect, it } from 'vitest'
import { MAX_WAITING } from '../../../sidecar/adapters/openai/gate.ts'
import { requestOf } from '../../contract/language-model.ts'
import { type OpenAiSubject, useModel } from '../../helpers/scripted-openai/model-subject.ts'

/** `ok`, or why the request failed. */
const ask = ({ model }: OpenAiSubject, signal?: AbortSignal): Promise<string> =>
  model.complete(requestOf({ signal })).then(
    () => 'ok',
    (error) => error.reason ?? error.message,
  )

/** Sends a request that hangs, and aborts it with this reason. */
async function askAndAbort(subject: OpenAiSubject, reason: Error): Promise<string> {
  const { server } = subject
  server.rules.replace({ hang: true })
  const controller = new AbortController()
  const received = server.received(server.requests.length + 1)
  const outcome = ask(subject, controller.signal)
  await received
  controller.abort(reason)
  return await outcome
}

describe('the concurrency limit of the OpenAI language model', () => {
  it('is never exceeded, and every request is answered', async () => {
    const subject = await useModel({ concurrency: 3 })
    subject.server.rules.replace({ latencyMs: 2, answer: 'ok' })
    await Promise.all(Array.from({ length: 20 }, () => ask(subject)))
    expect(subject.server.requests).toHaveLength(20)
    expect(subject.server.mostAtOnce).toBeLessThanOrEqual(3)
  })

  it('is used fully', async () => {
    const subject = await useModel({ concurrency: 3 })
    subject.server.rules.replace({ hang: true })
    const asked = [1, 2, 3].map(() => ask(subject))
    await subject.server.received(3)
    expect(subject.server.mostAtOnce).toBe(3)
    subject.time.expire()
    expect(await Promise.all(asked)).toEqual(['timeout', 'timeout', 'timeout'])
  })

  it('rejects a request at once when the queue is full', async () => {
    const subject = await useModel({ concurrency: 1 })
    subject.server.rules.replace({ hang: true, times: 1 }, { answer: 'ok' })
    const [first, ...others] = Array.from({ length: MAX_WAITING + 3 }, () => ask(subject))
    await subject.server.received(1)
    expect(await Promise.all(others.slice(-2))).toEqual(['rate_limited', 'rate_limited'])
    subject.time.expire()
    expect(await first).toBe('timeout')
    expect(new Set(await Promise.all(others.slice(0, -2)))).toEqual(new Set(['ok']))
  })

  it('skips an aborted request in the queue', async () => {
    const subject = await useModel({ concurrency: 1 })
    subject.server.rules.replace({ hang: true, times: 1 }, { answer: 'ok' })
    const first = ask(subject)
    const leaving = new AbortController()
    const second = ask(subject, leaving.signal)
    const third = ask(subject)
    await subject.server.received(1)
    leaving.abort(new Error('left'))
    expect(await second).toBe('left')
    subject.time.expire()
    expect([await first, await third]).toEqual(['timeout', 'ok'])
    expect(subject.server.requests).toHaveLength(2)
  })
})

describe('the circuit breaker of the OpenAI language model', () => {
  const broken = async () => {
    const subject = await useModel({ breakAfter: 3 })
    subject.server.rules.replace({ status: 500 })
    for (let i = 0; i < 3; i++) await ask(subject)
    return subject
  }

  it('opens after consecutive failures and rejects with the remaining time', async () => {
    const { model, server, time, ledger } = await broken()
    time.advance(24_000)
    await expect(model.complete(requestOf())).rejects.toMatchObject({
      name: 'ModelUnavailable',
      reason: 'circuit_open',
      retryAfterMs: 6000,
    })
    expect(server.requests).toHaveLength(3)
    expect(ledger).toHaveLength(3)
  })

  it('reports since when calls fail and the last error, until one succeeds', async () => {
    const subject = await useModel({ breakAfter: 2 })
    const { model, server, time } = subject
    const since = time.now()
    server.rules.replace({ status: 500 })
    await ask(subject)
    expect(model.failing?.()).toBeUndefined()
    time.advance(1000)
    await ask(subject)
    expect(model.failing?.()).toEqual({ since, error: expect.stringContaining('500') })
    time.advance(30_000)
    server.rules.replace({ answer: 'back' })
    expect(await ask(subject)).toBe('ok')
    expect(model.failing?.()).toBeUndefined()
    server.rules.replace({ status: 401 })
    await ask(subject)
    expect(model.failing?.()).toEqual({ since: time.now(), error: expect.stringContaining('401') })
  })

  it('opens between two attempts of a call, which rejects with the failure', async () => {
    const subject = await useModel({ breakAfter: 2, retries: 5 })
    subject.server.rules.replace({ status: 500 })
    expect(await ask(subject)).toBe('server_error')
    expect(subject.server.requests).toHaveLength(2)
    expect(subject.time.slept).toHaveLength(1)
  })

  it('lets one probe through after the break, and closes when it succeeds', async () => {
    const subject = await broken()
    subject.time.advance(30_000)
    subject.server.rules.replace({ latencyMs: 5, answer: 'back' })
    const asked = [1, 2, 3].map(() => ask(subject))
    await subject.server.received(4)
    expect(subject.server.requests).toHaveLength(4)
    expect(await Promise.all(asked)).toEqual(['ok', 'ok', 'ok'])
  })

  it('opens again when the probe fails, also for the requests that wait for it', async () => {
    const subject = await broken()
    subject.time.advance(30_000)
    const reasons = await Promise.all([1, 2, 3].map(() => ask(subject)))
    expect(reasons).toEqual(['server_error', 'circuit_open', 'circuit_open'])
    expect(subject.server.requests).toHaveLength(4)
    subject.time.advance(29_999)
    expect(await ask(subject)).toBe('circuit_open')
    subject.time.advance(1)
    subject.server.rules.replace({ answer: 'back' })
    expect(await ask(subject)).toBe('ok')
  })

  it('stays open when the probe is aborted', async () => {
    const subject = await broken()
    subject.time.advance(30_000)
    expect(await askAndAbort(subject, new Error('left'))).toBe('left')
    expect(await ask(subject)).toBe('circuit_open')
  })

  it('stays closed after rejected keys and aborted calls', async () => {
    const subject = await useModel({ breakAfter: 2 })
    subject.server.rules.replace({ status: 401 })
    for (let i = 0; i < 5; i++) expect(await ask(subject)).toBe('refused_key')
    for (let i = 0; i < 5; i++) expect(await askAndAbort(subject, new Error('left'))).toBe('left')
    subject.server.rules.replace({ answer: 'ok' })
    expect(await ask(subject)).toBe('ok')
  })

  it('opens after consecutive timeouts of the callers', async () => {
    const subject = await useModel({ breakAfter: 2 })
    for (let i = 0; i < 2; i++) await askAndAbort(subject, new DOMException('too slow', 'TimeoutError'))
    expect(await ask(subject)).toBe('circuit_open')
  })
})
