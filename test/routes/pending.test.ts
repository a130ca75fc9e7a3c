import { describe, expect, it } from 'vitest'
import { TABLE } from '../buffer/helpers.ts'
import { gibberish, held, tableModel } from '../buffer/model.ts'
import { quiet } from '../buffer/timers.ts'
import { said, testApp } from '../helpers/test-app.ts'

function start(options: Parameters<typeof testApp>[0] = {}) {
  const model = tableModel(TABLE)
  const app = testApp({ model, ...options })
  const post = (turn: number, content: string, more: object = {}) =>
    app.call('POST', '/v1/memories', said(content, { conversation_id: 'c', turn, ...more }))
  const pending = async (query = '') => (await app.call('GET', `/v1/pending?user_id=ada${query}`)).body
  const texts = async () =>
    (await app.call('GET', '/v1/memories?user_id=ada')).body.memories
      .map((one: { memory: string; kind: string }) => `${one.kind}: ${one.memory}`)
      .sort()
  return { ...app, model, post, pending, texts }
}

describe('GET /v1/pending', () => {
  it('lists the turns that wait, oldest first, with their state', async () => {
    const { post, pending, model, call, clock } = start()
    await post(1, 'I live in Leeds')
    clock.advance(1000)
    await post(1, 'I have a cat', { conversation_id: 'd' })
    const turn = { attempts: 0, error: null, next_attempt_at: null, tokens: 4 }
    expect(await pending()).toMatchObject({
      turns: [
        { ...turn, conversation_id: 'c', turn: 1, state: 'pending', at: '2026-03-01T09:00:00.000Z' },
        { conversation_id: 'd', turn: 1, state: 'pending', at: '2026-03-01T09:00:01.000Z' },
      ],
      tokens: 7,
    })
    expect((await pending('&conversation_id=d')).turns).toHaveLength(1)

    const thinking = held()
    model.next(thinking.behaviour)
    const flushing = call('POST', '/v1/flush', { user_id: 'ada', conversation_id: 'c' })
    await thinking.reached
    expect((await pending()).turns).toMatchObject([{ state: 'processing' }, { state: 'pending' }])
    thinking.release()
    await flushing
    expect((await pending()).turns).toMatchObject([{ conversation_id: 'd' }])
  })

  it('shows what has failed and why; a flush replays it', async () => {
    const { post, pending, model, call, texts } = start()
    model.always(gibberish)
    await post(1, 'I live in Leeds')
    for (let i = 0; i < 4; i++) await call('POST', '/v1/flush', { user_id: 'ada' })
    const [waits] = (await pending()).turns
    expect(waits).toMatchObject({ state: 'pending', attempts: 4, error: 'refused' })
    expect(Date.parse(waits.next_attempt_at)).toBeGreaterThan(Date.parse('2026-03-01T09:00:00Z'))
    await call('POST', '/v1/flush', { user_id: 'ada' })
    expect((await pending()).turns).toMatchObject([{ state: 'failed', attempts: 5, next_attempt_at: null }])
    const { body: recalled } = await call('POST', '/v1/recall', { user_id: 'ada', query: 'Leeds' })
    expect(recalled.context).toContain('I live in Leeds')
    model.always(undefined)
    const { body } = await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(body).toMatchObject({ status: 'flushed', reason: null, pending: { turns: 0, tokens: 0 } })
    expect(await texts()).toEqual(['extracted: Ada lives in Leeds.'])
  })

  it('is empty without a language model', async () => {
    expect(await start({ model: undefined as never }).pending()).toEqual({ turns: [], tokens: 0 })
  })
})

describe('POST /v1/flush', () => {
  it('with wait false answers at once', async () => {
    const { post, pending, model, call, texts } = start()
    const thinking = held()
    model.next(thinking.behaviour)
    await post(1, 'I live in Leeds')
    const { status, body } = await call('POST', '/v1/flush', { user_id: 'ada', wait: false })
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'started', events: [], reason: null, pending: { turns: 1 } },
    })
    await thinking.reached
    thinking.release()
    await quiet()
    expect((await pending()).turns).toEqual([])
    expect(await texts()).toEqual(['extracted: Ada lives in Leeds.'])
  })

  it('of somebody of whom nothing waits does nothing', async () => {
    const { body } = await start().call('POST', '/v1/flush', { user_id: 'nobody' })
    expect(body).toEqual({ status: 'flushed', events: [], reason: null, pending: { turns: 0, tokens: 0 } })
  })
})

describe('DELETE /v1/pending/{turn_id}', () => {
  it('keeps the words of a turn that cannot be learned from, as they were said', async () => {
    const { post, pending, model, call, texts } = start()
    model.always(gibberish)
    const { body: posted } = await post(1, 'I live in Leeds')
    for (let i = 0; i < 5; i++) await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(await texts()).toEqual(['pending: I live in Leeds'])
    const { status, body } = await call('DELETE', `/v1/pending/${posted.turn_id}?user_id=ada`)
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        status: 'kept',
        turn_id: posted.turn_id,
        events: [{ event: 'ADD', memory: 'I live in Leeds' }],
        pending: { turns: 0, tokens: 0 },
      },
    })
    expect(await pending()).toEqual({ turns: [], tokens: 0 })
    expect(await texts()).toEqual(['verbatim: I live in Leeds'])
    model.always(undefined)
    await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(await texts()).toEqual(['verbatim: I live in Leeds'])
  })

  it('works for a turn of no conversation, while the model thinks about it, and keeps when it was said', async () => {
    const { model, call, texts, clock } = start()
    const { body: posted } = await call('POST', '/v1/memories', said('I live in Leeds'))
    clock.advance(86_400_000)
    const thinking = held()
    model.next(thinking.behaviour)
    const flushing = call('POST', '/v1/flush', { user_id: 'ada' })
    await thinking.reached
    await call('DELETE', `/v1/pending/${posted.turn_id}?user_id=ada`)
    thinking.release()
    await flushing
    expect(await texts()).toEqual(['verbatim: I live in Leeds'])
    const { body } = await call('GET', '/v1/memories?user_id=ada')
    expect(body.memories[0]).toMatchObject({ at: '2026-03-01T09:00:00.000Z', conversation_id: null })
  })

  it('answers 404 for a turn that does not wait, or is of somebody else', async () => {
    const { post, call, pending } = start()
    const { body: posted } = await post(1, 'I live in Leeds')
    for (const path of [`${posted.turn_id}?user_id=bob`, 'no-such-turn?user_id=ada']) {
      const { status, body } = await call('DELETE', `/v1/pending/${path}`)
      expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'not_found' })
    }
    expect((await pending()).turns).toHaveLength(1)
  })
})

describe('more turns than may wait', () => {
  it('are answered 429 with the time to come back, and nothing is lost', async () => {
    const { post, pending, model, call, texts } = start({ buffer: { maxTurnsPerScope: 2 } })
    await post(1, 'I live in Leeds')
    await post(2, 'I have a cat')
    const { status, headers, body } = await post(3, 'I speak Welsh')
    expect({ status, code: body.error.code }).toEqual({ status: 429, code: 'too_many_pending' })
    expect(body.error.message).toMatch(/2 turns of this user wait .* Nothing was stored/)
    expect(Number(headers.get('retry-after'))).toBe(60)
    expect((await pending()).turns).toHaveLength(2)

    expect((await post(2, 'I have a cat and a dog')).status).toBe(202)
    expect((await post(3, 'I speak Welsh', { mode: 'verbatim' })).status).toBe(200)
    expect((await post(1, 'I play the cello', { user_id: 'bob' })).status).toBe(202)
    expect(model.calls).toEqual([])
    await call('POST', '/v1/flush', { user_id: 'ada' })
    expect((await post(4, 'I am a nurse', { mode: 'sync' })).status).toBe(200)
    expect(await texts()).toEqual([
      'extracted: Ada has a cat.',
      'extracted: Ada lives in Leeds.',
      'extracted: Ada works as a nurse.',
      'verbatim: I speak Welsh',
    ])
  })

  it('are counted when many come at once, and in all', async () => {
    const { call, pending, services } = start({ buffer: { maxTurns: 5 } })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        call('POST', '/v1/memories', said('I live in Leeds', { user_id: i % 2 ? 'ada' : 'bob' })),
      ),
    )
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15)
    expect(answers.find(({ status }) => status === 429)?.body.error.message).toMatch(/^5 turns wait/)
    expect(services.buffer?.size.turns).toBe(5)
    expect((await pending()).turns.length).toBeLessThanOrEqual(5)
  })
})
