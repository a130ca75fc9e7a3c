import { describe, expect, it, onTestFinished } from 'vitest'
import type { CallerOptions } from '../../../sidecar/adapters/openai/caller.ts'
import { openAiLanguageModel } from '../../../sidecar/adapters/openai/language-model.ts'
import { requestOf } from '../../contract/language-model.ts'
import { openModelSubject } from '../../helpers/scripted-openai/model-subject.ts'

async function open(options: Partial<CallerOptions> = {}) {
  const { subject, close } = await openModelSubject(options)
  onTestFinished(close)
  return subject
}

const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error) => error.reason ?? error.message,
  )

describe('the limits of the OpenAI language model', () => {
  it('never ask more at once than allowed, and all in the end', async () => {
    const { model, server } = await open({ concurrency: 3 })
    server.rules.replace({ latencyMs: 2, answer: 'ok' })
    await Promise.all(Array.from({ length: 20 }, () => model.complete(requestOf())))
    expect(server.requests).toHaveLength(20)
    expect(server.mostAtOnce).toBeLessThanOrEqual(3)
  })

  it('ask as much at once as is allowed', async () => {
    const { model, server, time } = await open({ concurrency: 3 })
    server.rules.replace({ hang: true })
    const asked = [1, 2, 3].map(() => reasonOf(model.complete(requestOf())))
    await server.received(3)
    expect(server.mostAtOnce).toBe(3)
    time.expire()
    expect(await Promise.all(asked)).toEqual(['timeout', 'timeout', 'timeout'])
  })

  it('refuse at once what the queue has no room for', async () => {
    const { model, server, time } = await open({ concurrency: 1, queue: 2 })
    server.rules.replace({ hang: true, times: 1 }, { answer: 'ok' })
    const [first, ...others] = [1, 2, 3, 4, 5].map(() => reasonOf(model.complete(requestOf())))
    await server.received(1)
    time.expire()
    expect(await first).toBe('timeout')
    expect(await Promise.all(others)).toEqual(['ok', 'ok', 'rate_limited', 'rate_limited'])
  })

  it('let the next in line go where the one before it left the queue', async () => {
    const { model, server, time } = await open({ concurrency: 1 })
    server.rules.replace({ hang: true, times: 1 }, { answer: 'ok' })
    const first = reasonOf(model.complete(requestOf()))
    const leaving = new AbortController()
    const second = reasonOf(model.complete(requestOf({ signal: leaving.signal })))
    const third = reasonOf(model.complete(requestOf()))
    await server.received(1)
    leaving.abort(new Error('left'))
    expect(await second).toBe('left')
    time.expire()
    expect([await first, await third]).toEqual(['timeout', 'ok'])
    expect(server.requests).toHaveLength(2)
  })

  it.each([
    { concurrency: 0 },
    { queue: -1 },
    { retries: 1.5 },
    { breakAfter: Number.NaN },
    { timeoutMs: 0 },
    { timeoutMs: Number.POSITIVE_INFINITY },
  ])('are refused when they are none: %o', (limits) => {
    const [name] = Object.keys(limits)
    expect(() => openAiLanguageModel({ model: 'm', ...limits })).toThrow(`${name}: expected`)
  })
})

describe('the circuit of the OpenAI language model', () => {
  const broken = async () => {
    const subject = await open({ breakAfter: 3, breakForMs: 10_000 })
    subject.server.rules.replace({ status: 500 })
    for (let i = 0; i < 3; i++) await reasonOf(subject.model.complete(requestOf()))
    return subject
  }

  it('opens after failures in a row, and says when to come back without asking', async () => {
    const { model, server, time, ledger } = await broken()
    time.advance(4000)
    await expect(model.complete(requestOf())).rejects.toMatchObject({
      name: 'ModelUnavailable',
      reason: 'circuit_open',
      retryAfterMs: 6000,
    })
    expect(server.requests).toHaveLength(3)
    expect(ledger).toHaveLength(3)
  })

  it('opens between two tries of one call, which then says what happened', async () => {
    const { model, server, time } = await open({ breakAfter: 2, retries: 5 })
    server.rules.replace({ status: 500 })
    expect(await reasonOf(model.complete(requestOf()))).toBe('server_error')
    expect(server.requests).toHaveLength(2)
    expect(time.slept).toHaveLength(1)
  })

  it('lets one through to see when the time is over, and closes when that goes well', async () => {
    const { model, server, time } = await broken()
    time.advance(10_000)
    server.rules.replace({ latencyMs: 5, answer: 'back' })
    const asked = [1, 2, 3].map(() => reasonOf(model.complete(requestOf())))
    await server.received(4)
    expect(server.requests).toHaveLength(4)
    expect(await Promise.all(asked)).toEqual(['ok', 'ok', 'ok'])
  })

  it('opens again when the one that was let through fails, and for those behind it', async () => {
    const { model, server, time } = await broken()
    time.advance(10_000)
    const reasons = await Promise.all([1, 2, 3].map(() => reasonOf(model.complete(requestOf()))))
    expect(reasons).toEqual(['server_error', 'circuit_open', 'circuit_open'])
    expect(server.requests).toHaveLength(4)
    time.advance(9999)
    expect(await reasonOf(model.complete(requestOf()))).toBe('circuit_open')
    time.advance(1)
    server.rules.replace({ answer: 'back' })
    expect(await reasonOf(model.complete(requestOf()))).toBe('ok')
  })

  it('stays open when the one that was let through is called off', async () => {
    const { model, server, time } = await broken()
    time.advance(10_000)
    server.rules.replace({ hang: true })
    const leaving = new AbortController()
    const probe = reasonOf(model.complete(requestOf({ signal: leaving.signal })))
    await server.received(4)
    leaving.abort(new Error('left'))
    expect(await probe).toBe('left')
    expect(await reasonOf(model.complete(requestOf()))).toBe('circuit_open')
  })

  it('stays closed over refused requests and callers that leave', async () => {
    const { model, server } = await open({ breakAfter: 2 })
    server.rules.replace({ status: 401 })
    for (let i = 0; i < 5; i++) expect(await reasonOf(model.complete(requestOf()))).toBe('refused_key')
    server.rules.replace({ hang: true })
    for (let i = 0; i < 5; i++) {
      const leaving = new AbortController()
      const asked = reasonOf(model.complete(requestOf({ signal: leaving.signal })))
      await server.received(6 + i)
      leaving.abort(new Error('left'))
      expect(await asked).toBe('left')
    }
    server.rules.replace({ answer: 'ok' })
    expect(await reasonOf(model.complete(requestOf()))).toBe('ok')
  })

  it('opens for an endpoint that is too slow for every caller', async () => {
    const { model, server } = await open({ breakAfter: 2 })
    server.rules.replace({ hang: true })
    for (let i = 0; i < 2; i++) {
      const leaving = new AbortController()
      const asked = reasonOf(model.complete(requestOf({ signal: leaving.signal })))
      await server.received(1 + i)
      leaving.abort(new DOMException('too slow', 'TimeoutError'))
      await asked
    }
    expect(await reasonOf(model.complete(requestOf()))).toBe('circuit_open')
  })
})
