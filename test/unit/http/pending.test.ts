import { describe, expect, it } from 'vitest'
import { gibberish, held, TABLE, tableModel } from '../../helpers/learning/buffer/model.ts'
import { quiet } from '../../helpers/learning/buffer/timers.ts'
import { said, testApp } from '../../helpers/test-app.ts'

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
  it('lists pending turns oldest first, with their state', async () => {
    const { post, pending, model, call, clock } = start()
    await post(1, 'I live in Leeds')
    clock.advance(1000)
    await post(1, 'I have a cat', { conversation_id: 'd' })
    const turn = { attempts: 0, error: null, next_attempt_at: null, tokens: 4 }
    expect(await pending()).toMatchObject({
      turns: [
        { ...turn, conversation_id: 'c', turn: 1, state: 'idle', at: '2026-03-01T09:00:00.000Z' },
        { conversation_id: 'd', turn: 1, state: 'idle', at: '2026-03-01T09:00:01.000Z' },
      ],
      tokens: 7,
    })
    expect((await pending('&conversation_id=d')).turns).toHaveLength(1)

    const thinking = held()
    model.next(thinking.behaviour)
    const flushing = call('POST', '/v1/flush', { user_id: 'ada', conversation_id: 'c' })
    await thinking.reached
    expect((await pending()).turns).toMatchObject([{ state: 'processing' }, { state: 'idle' }])
    thinking.release()
    await flushing
    expect((await pending()).turns).toMatchObject([{ conversation_id: 'd' }])
  })

  it('lists failed turns with the error; a flush retries them', async () => {
    const { post, pending, model, call, texts } = start()
    model.always(gibberish)
    await post(1, 'I live in Leeds')
    for (let i = 0; i < 4; i++) await call('POST', '/v1/flush', { user_id: 'ada' })
    const [waits] = (await pending()).turns
    expect(waits).toMatchObject({ state: 'idle', attempts: 4, error: 'refused' })
    expect(waits.detail).toContain('declines in words')
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
  it('responds immediately with wait false', async () => {
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

  it('does nothing for a user without pending turns', async () => {
    const { body } = await start().call('POST', '/v1/flush', { user_id: 'nobody' })
    expect(body).toEqual({ status: 'flushed', events: [], reason: null, pending: { turns: 0, tokens: 0 } })
  })
})

describe('POST /v1/flush with a model that fails', () => {
  it('answers failed with the reason when nothing was learned', async () => {
    const { post, model, call } = start()
    model.always(gibberish)
    await post(1, 'I live in Leeds')
    const { status, body } = await call('POST', '/v1/flush', { user_id: 'ada' })
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'failed', events: [], reason: expect.any(String), pending: { turns: 1 } },
    })
  })
})

describe('DELETE /v1/pending/{turn_id}', () => {
  it('stores the text of a failing turn as verbatim memories', async () => {
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

  it('cancels a turn without a conversation during the model call, and keeps the time of its messages', async () => {
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

  it('returns 404 for a turn that is not pending or belongs to another user', async () => {
    const { post, call, pending } = start()
    const { body: posted } = await post(1, 'I live in Leeds')
    for (const path of [`${posted.turn_id}?user_id=bob`, 'no-such-turn?user_id=ada']) {
      const { status, body } = await call('DELETE', `/v1/pending/${path}`)
      expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'not_found' })
    }
    expect((await pending()).turns).toHaveLength(1)
  })
})

describe('failed turns', () => {
  /** Turns 1 and 2 have failed permanently; turn 3 is pending. */
  async function withFailed() {
    const at = start()
    at.model.always(gibberish)
    const ids: string[] = []
    for (const [i, content] of ['I live in Leeds', 'I have a cat', 'I speak Welsh'].entries()) {
      if (i === 2)
        for (let tries = 0; tries < 5; tries++) await at.call('POST', '/v1/flush', { user_id: 'ada' })
      ids.push((await at.post(i + 1, content)).body.turn_id)
    }
    return { ...at, ids: ids as [string, string, string] }
  }

  it('are listed with the error', async () => {
    const { pending, ids } = await withFailed()
    const failed = await pending('&state=failed')
    const why = { state: 'failed', attempts: 5, error: 'refused', because: 'explicit', next_attempt_at: null }
    expect(failed).toMatchObject({
      turns: [
        { turn_id: ids[0], ...why },
        { turn_id: ids[1], ...why },
      ],
    })
    expect(failed.tokens).toBe(failed.turns[0].tokens + failed.turns[1].tokens)
    expect((await pending('&state=idle')).turns).toMatchObject([{ turn_id: ids[2], because: null }])
    expect((await pending('&state=processing')).turns).toEqual([])
  })

  it('are retried by a replay of one turn or of a user, without other pending turns', async () => {
    const { call, pending, model, ids, texts } = await withFailed()
    model.always(undefined)
    const one = await call('POST', '/v1/pending/replay', { user_id: 'ada', turn_id: ids[1] })
    expect(one).toMatchObject({
      status: 200,
      body: {
        status: 'flushed',
        reason: null,
        events: [{ memory: 'Ada has a cat.' }],
        pending: { turns: 2 },
      },
    })
    const all = await call('POST', '/v1/pending/replay', { user_id: 'ada' })
    expect(all.body).toMatchObject({ events: [{ memory: 'Ada lives in Leeds.' }], pending: { turns: 1 } })
    expect((await pending()).turns).toMatchObject([{ turn_id: ids[2], state: 'idle' }])
    expect(await texts()).toEqual([
      'extracted: Ada has a cat.',
      'extracted: Ada lives in Leeds.',
      'pending: I speak Welsh',
    ])
    expect((await call('GET', `/v1/turns/${ids[0]}?user_id=ada`)).body).toMatchObject({
      state: 'done',
      outcome: 'learned',
      because: 'replay',
    })
  })

  it('return 404 for a replay of a turn that has not failed or belongs to another user', async () => {
    const { call, ids } = await withFailed()
    for (const [user_id, turn_id] of [
      ['ada', ids[2]],
      ['bob', ids[0]],
      ['ada', 'no-such-turn'],
    ]) {
      const { status, body } = await call('POST', '/v1/pending/replay', { user_id, turn_id })
      expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'not_found' })
    }
  })

  it('are dropped with their text, also when the same turn is posted again', async () => {
    const { call, post, pending, model, ids, texts } = await withFailed()
    const { status, body } = await call('DELETE', `/v1/pending/${ids[0]}?user_id=ada&words=drop`)
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'dropped', turn_id: ids[0], events: [], pending: { turns: 2 } },
    })
    const recalled = async (query: string) =>
      (await call('POST', '/v1/recall', { user_id: 'ada', query })).body.context
    expect(await recalled('Leeds')).not.toContain('Leeds')
    expect(await recalled('cat')).toContain('I have a cat')
    model.always(undefined)
    expect(await post(1, 'I live in Leeds')).toMatchObject({ status: 200, body: { status: 'stored' } })
    await call('POST', '/v1/flush', { user_id: 'ada' })
    expect((await pending()).turns).toEqual([])
    expect(await texts()).toEqual(['extracted: Ada has a cat.', 'extracted: Ada speaks Welsh.'])
    expect((await call('GET', `/v1/turns/${ids[0]}?user_id=ada`)).body).toMatchObject({
      state: 'done',
      outcome: 'dropped',
      memory_ids: [],
    })
    // A turn with another text is accepted.
    expect((await post(1, 'I am a nurse')).status).toBe(202)
    expect((await call('DELETE', `/v1/pending/${ids[1]}?user_id=ada&words=drop`)).status).toBe(404)
  })

  it('invalidate a cached block that contains their dropped text', async () => {
    const { call, ids } = await withFailed()
    const cached = async (turn: number) =>
      (
        await call('POST', '/v1/recall', {
          ...{ user_id: 'ada', query: 'Where?', conversation_id: 'd', turn, window_size: 20 },
          strategy: 'cached',
        })
      ).body
    expect((await cached(1)).block).toContain('Leeds')
    await call('DELETE', `/v1/pending/${ids[0]}?user_id=ada&words=drop`)
    const after = await cached(2)
    expect(after.block).not.toContain('Leeds')
    expect(after.cache.reason).toBe('fence')
  })
})

describe('GET /v1/turns/{id}', () => {
  it('returns the state of a turn (idle, processing, done) and its trigger', async () => {
    const { post, call, model, clock } = start()
    const { body: posted } = await post(1, 'I live in Leeds')
    const state = async () => (await call('GET', `/v1/turns/${posted.turn_id}?user_id=ada`)).body
    expect(await state()).toEqual({
      turn_id: posted.turn_id,
      conversation_id: 'c',
      turn: 1,
      state: 'idle',
      outcome: null,
      attempts: 0,
      because: null,
      error: null,
      detail: null,
      next_attempt_at: null,
      tokens: 4,
      at: '2026-03-01T09:00:00.000Z',
      done_at: null,
      memory_ids: [],
    })
    clock.advance(5000)
    const thinking = held()
    model.next(thinking.behaviour)
    const flushing = call('POST', '/v1/flush', { user_id: 'ada' })
    await thinking.reached
    expect(await state()).toMatchObject({ state: 'processing' })
    thinking.release()
    await flushing
    const { memories } = (await call('GET', '/v1/memories?user_id=ada')).body
    expect(await state()).toMatchObject({
      state: 'done',
      outcome: 'learned',
      because: 'explicit',
      done_at: '2026-03-01T09:00:05.000Z',
      memory_ids: [memories[0].id],
    })
  })

  it('returns a verbatim turn, only to its user', async () => {
    const { call } = start()
    const { body } = await call('POST', '/v1/memories', said('I live in Leeds', { mode: 'verbatim' }))
    const get = (user: string, id = body.turn_id) => call('GET', `/v1/turns/${id}?user_id=${user}`)
    expect((await get('ada')).body).toMatchObject({ state: 'done', outcome: 'kept', because: null })
    expect((await get('bob')).status).toBe(404)
    expect((await get('ada', 'none')).status).toBe(404)
  })
})

describe('ending a conversation', () => {
  it.each([
    ['/v1/conversations/c/end', {}],
    ['/v1/flush', { conversation_id: 'c', end: true }],
  ])('by POST %s extracts memories from its pending turns', async (path, more) => {
    const { post, call, pending, texts } = start()
    const { body: posted } = await post(1, 'I live in Leeds')
    await post(1, 'I have a cat', { conversation_id: 'd' })
    const { status, body } = await call('POST', path, { user_id: 'ada', wait: true, ...more })
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'flushed', reason: null, pending: { turns: 0 } },
    })
    expect(await texts()).toEqual(['extracted: Ada lives in Leeds.', 'pending: I have a cat'])
    expect((await pending()).turns).toHaveLength(1)
    expect((await call('GET', `/v1/turns/${posted.turn_id}?user_id=ada`)).body.because).toBe('end')
  })

  it('requires a conversation id and accepts an unknown one', async () => {
    const { call } = start()
    const { status, body } = await call('POST', '/v1/flush', { user_id: 'ada', end: true })
    expect({ status, message: body.error.message }).toMatchObject({
      status: 400,
      message: expect.stringMatching(/^conversation_id: expected a conversation id, because end is true/),
    })
    expect((await call('POST', '/v1/conversations/x/end', { user_id: 'ada' })).body).toMatchObject({
      status: 'started',
      pending: { turns: 0 },
    })
  })
})

describe('a regenerated answer', () => {
  const recalled = async (call: ReturnType<typeof start>['call'], query: string) =>
    (await call('POST', '/v1/recall', { user_id: 'ada', query, strategy: 'per_query' })).body.context
  const found = async (call: ReturnType<typeof start>['call'], query: string) =>
    (await call('POST', '/v1/memories/search', { user_id: 'ada', query })).body.memories.map(
      ({ kind, memory }: { kind: string; memory: string }) => `${kind}: ${memory}`,
    )

  it('replaces the pending first answer: one turn, one extraction', async () => {
    const { post, pending, call, model, texts, clock } = start()
    const { body: first } = await post(1, 'I live in Leeds')
    expect(await found(call, 'Leeds')).toEqual(['pending: I live in Leeds'])
    clock.advance(2000)
    const { body: second } = await post(1, 'I have a cat')
    expect(second.turn_id).toBe(first.turn_id)
    expect((await pending()).turns).toHaveLength(1)
    expect(await found(call, 'cat')).toEqual(['pending: I have a cat'])
    expect(await recalled(call, 'Leeds')).not.toContain('Leeds')
    await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(await texts()).toEqual(['extracted: Ada has a cat.'])
    expect(model.batches()).toHaveLength(1)
  })

  it('is extracted again and removes the memories of the first answer', async () => {
    const { post, pending, call, texts, clock } = start()
    await post(1, 'I live in Leeds. I have a cat')
    clock.advance(2000)
    await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(await texts()).toEqual(['extracted: Ada has a cat.', 'extracted: Ada lives in Leeds.'])
    expect((await post(1, 'I have a cat. I speak Welsh')).status).toBe(202)
    expect((await pending()).turns).toMatchObject([{ turn: 1, state: 'idle' }])
    expect(await recalled(call, 'Leeds')).not.toContain('Leeds')
    expect(await recalled(call, 'Welsh')).toContain('I speak Welsh')
    await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(await texts()).toEqual(['extracted: Ada has a cat.', 'extracted: Ada speaks Welsh.'])
  })
})

describe('a window size known from recall', () => {
  it('triggers the extraction of turns before they leave the window, so that a new block contains their memories', async () => {
    const { post, call, texts, services } = start()
    const recall = (turn: number) =>
      call('POST', '/v1/recall', {
        ...{ user_id: 'ada', query: 'Who is Ada?', conversation_id: 'c', turn, window_size: 4 },
        strategy: 'cached',
      })
    for (const [i, content] of ['I live in Leeds', 'I have a cat', 'I speak Welsh'].entries()) {
      await recall(i + 1)
      await post(i + 1, content)
    }
    await recall(4)
    while (services.buffer?.list({ namespace: 'default', userId: 'ada' }).length !== 0) await quiet()
    await post(4, 'I am a nurse')
    expect(await texts()).toEqual([
      'extracted: Ada has a cat.',
      'extracted: Ada lives in Leeds.',
      'extracted: Ada speaks Welsh.',
      'pending: I am a nurse',
    ])
    const { body } = await recall(5)
    expect(body.block).toContain('Ada lives in Leeds.')
  })
})

describe('a full buffer', () => {
  it('returns 429 with Retry-After and loses no accepted turn', async () => {
    const { post, pending, model, call, texts } = start({ buffer: { maxTurnsPerScope: 2 } })
    await post(1, 'I live in Leeds')
    await post(2, 'I have a cat')
    const { status, headers, body } = await post(3, 'I speak Welsh')
    expect({ status, code: body.error.code }).toEqual({ status: 429, code: 'too_many_pending' })
    expect(body.error.message).toMatch(/2 turns of this user are pending.* Nothing was stored/)
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

  it('counts concurrent turns, per user and in total', async () => {
    const { call, pending, services } = start({ buffer: { maxTurns: 5 } })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        call('POST', '/v1/memories', said('I live in Leeds', { user_id: i % 2 ? 'ada' : 'bob' })),
      ),
    )
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15)
    expect(answers.find(({ status }) => status === 429)?.body.error.message).toMatch(/^5 turns are pending/)
    expect(services.buffer?.size.turns).toBe(5)
    expect((await pending()).turns.length).toBeLessThanOrEqual(5)
  })
})
