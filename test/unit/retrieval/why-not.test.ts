import { describe, expect, it } from 'vitest'
import { ADA, openEngine } from '../../helpers/engine.ts'
import { said, testApp } from '../../helpers/test-app.ts'

const SEARCH = '/v1/memories/search'

describe('why_not', () => {
  it('names the first gate that a memory fails', async () => {
    const { call, clock } = testApp()
    const turn = { agent_id: 'a', run_id: 'r', app_id: 'p', conversation_id: 'c', metadata: { k: 1 } }
    const added = await call('POST', '/v1/memories', said('I live in Kyoto.', turn))
    const [{ id }] = added.body.events
    await call('POST', '/v1/memories', said('I was born in Kyoto, Kyoto.', turn))
    await call('PATCH', `/v1/memories/${id}`, {
      user_id: 'ada',
      expires_at: new Date(clock.now() + 60_000).toISOString(),
    })
    const gateOf = async (request: object) => {
      const { status, body } = await call('POST', SEARCH, {
        user_id: 'ada',
        query: 'born',
        top_k: 1,
        threshold: 1,
        why_not: [id],
        ...request,
      })
      expect(status).toBe(200)
      return body.why_not[id].gate
    }
    // Each request corrects the field at which the previous one failed.
    const wrong = {
      agent_id: 'x',
      run_id: 'x',
      app_id: 'x',
      conversation_id: 'x',
      filters: { 'metadata.k': 2 },
    }
    clock.advance(60_000)
    const gates = [await gateOf({ ...wrong, user_id: 'bob' }), await gateOf(wrong)]
    await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', expires_at: null })
    const right = {
      agent_id: 'a',
      run_id: 'r',
      app_id: 'p',
      conversation_id: 'c',
      filters: { 'metadata.k': 1 },
    }
    let request: object = wrong
    for (const [field, value] of Object.entries(right)) {
      gates.push(await gateOf(request))
      request = { ...request, [field]: value }
    }
    gates.push(await gateOf(request), await gateOf({ ...request, top_k: 2 }))
    await call('DELETE', `/v1/memories/${id}?user_id=ada`)
    gates.push(await gateOf(wrong))
    expect(gates).toEqual([
      'unknown',
      'expired',
      'agent_id',
      'run_id',
      'app_id',
      'conversation_id',
      'filters',
      'rank',
      'threshold',
      'deleted',
    ])
  })

  it('includes rank, score and limits', async () => {
    const { call } = testApp()
    const { body } = await call('POST', '/v1/memories', said('I live in Kyoto.'))
    await call('POST', '/v1/memories', said('I was born in Nara.'))
    const [{ id }] = body.events
    const ask = async (request: object) =>
      (await call('POST', SEARCH, { user_id: 'ada', query: 'born in Nara', why_not: [id], ...request })).body
    const whole = await ask({})
    expect(whole.why_not).toEqual({})
    const { score } = whole.memories.find((one: { id: string }) => one.id === id)
    expect((await ask({ top_k: 1 })).why_not[id]).toEqual({
      gate: 'rank',
      detail: `rank 2, score ${score}; top_k is 1`,
    })
    expect((await ask({ threshold: score + 0.01 })).why_not[id]).toEqual({
      gate: 'threshold',
      detail: `score ${score}, threshold ${score + 0.01}`,
    })
  })

  it('leaves out returned memories, and accepts at most 20 ids of any form', async () => {
    const { call } = testApp()
    const { body } = await call('POST', '/v1/memories', said('I live in Kyoto.'))
    const [{ id }] = body.events
    await call('PATCH', `/v1/memories/${id}`, { user_id: 'ada', memory: 'I live in Nara.' })
    const ask = (why_not: string[]) =>
      call('POST', SEARCH, { user_id: 'ada', query: 'Where do I live?', why_not })
    const odd = ['__proto__', 'constructor', '', `${id}@1`, '*']
    const { body: answer } = await ask([id, ...odd])
    expect(Object.entries(answer.why_not)).toEqual(
      odd.map((one) => [one, { gate: 'unknown', detail: 'this user has no such memory' }]),
    )
    expect((await ask(Array.from({ length: 20 }, (_, i) => `id ${i}`))).status).toBe(200)
    const refused = await ask(Array.from({ length: 21 }, (_, i) => `id ${i}`))
    expect(refused).toMatchObject({
      status: 400,
      body: { error: { message: 'why_not: expected at most 20 ids, got an array of 21' } },
    })
    expect((await call('POST', SEARCH, { user_id: 'ada', query: 'x' })).body.why_not).toBeUndefined()
  })

  it('names the gate as_of for a memory that was not current at that time', async () => {
    const { say, known, engine, recall, clock, hear } = openEngine()
    const before = clock.now()
    await say(1, 'I live in Kyoto.')
    const { id } = await known('I live in Kyoto.')
    await hear(2, 'I like tea.')
    const pendingId = (await known('I like tea.')).id
    const reasons = async (asOf: number | undefined) => {
      const whyNot = [id, pendingId, 'nothing']
      const { whyNot: told } = await recall.search(ADA, {
        query: 'home',
        topK: 5,
        threshold: 0,
        asOf,
        whyNot,
      })
      return Object.fromEntries(Object.entries(told ?? {}).map(([one, { gate }]) => [one, gate]))
    }
    expect(await reasons(before)).toEqual({ [id]: 'as_of', [pendingId]: 'as_of', nothing: 'unknown' })
    const held = clock.now()
    clock.advance(1000)
    await engine.remove(ADA, id)
    expect(await reasons(held)).toEqual({ [pendingId]: 'as_of', nothing: 'unknown' })
    expect(await reasons(clock.now())).toEqual({ [id]: 'as_of', [pendingId]: 'as_of', nothing: 'unknown' })
    expect(await reasons(undefined)).toEqual({ [id]: 'deleted', nothing: 'unknown' })
  })
})
