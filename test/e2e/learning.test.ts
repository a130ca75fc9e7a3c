import { describe, expect, it, onTestFinished } from 'vitest'
import { startSidecar } from '../../bench/lib/sidecar-process.ts'
import { type FactTable, memoryModel } from '../helpers/memory-model.ts'
import { type Rule, startScriptedOpenAi } from '../helpers/scripted-openai/server.ts'

/** The facts that the model extracts from Ada's messages. */
const TABLE: FactTable = {
  'I live in Leeds': [{ text: 'Ada lives in Leeds.', topic: 'basic_info', sub_topic: 'home', importance: 4 }],
  'as a nurse': [{ text: 'Ada works as a nurse.', topic: 'work', sub_topic: 'role' }],
  'steak every Sunday': [{ text: 'Ada eats steak every Sunday.', topic: 'preferences', sub_topic: 'food' }],
  'have a cat called Biscuit': [
    { text: 'Ada has a cat called Biscuit.', topic: 'relationships', sub_topic: 'pets' },
  ],
  'moved to Porto': [
    {
      text: 'Ada lives in Porto.',
      topic: 'basic_info',
      sub_topic: 'home',
      importance: 4,
      replaces: 'Ada lives in Leeds.',
    },
  ],
  'started as a potter': [
    { text: 'Ada works as a potter.', topic: 'work', sub_topic: 'role', replaces: 'Ada works as a nurse.' },
  ],
  'stopped eating meat': [
    {
      text: 'Ada eats no meat.',
      topic: 'preferences',
      sub_topic: 'food',
      replaces: 'Ada eats steak every Sunday.',
    },
  ],
}

const TURNS: [at: string, user: string][] = [
  ['2026-01-05T10:00:00Z', 'I live in Leeds and I work there as a nurse.'],
  ['2026-01-05T10:01:00Z', 'We have steak every Sunday, and I have a cat called Biscuit.'],
  ['2026-03-02T10:00:00Z', 'News: I moved to Porto last week!'],
  ['2026-03-02T10:02:00Z', 'And I started as a potter today.'],
  ['2026-04-01T10:00:00Z', 'By the way, I have stopped eating meat altogether.'],
]

const NOW = [
  'Ada eats no meat.',
  'Ada has a cat called Biscuit.',
  'Ada lives in Porto.',
  'Ada works as a potter.',
]
const THEN = [
  'Ada eats steak every Sunday.',
  'Ada has a cat called Biscuit.',
  'Ada lives in Leeds.',
  'Ada works as a nurse.',
]

async function start(rules: Rule[] = [{ answer: memoryModel(TABLE) }], env: Record<string, string> = {}) {
  const model = await startScriptedOpenAi({ rules })
  const sidecar = await startSidecar({
    OPENAI_BASE_URL: model.url,
    LLM_MODEL: 'scripted',
    LLM_RETRIES: '0',
    LOG_LEVEL: 'silent',
    ...env,
  })
  onTestFinished(async () => {
    await sidecar[Symbol.asyncDispose]()
    await model[Symbol.asyncDispose]()
  })
  const call = async (method: string, path: string, body?: object) => {
    const init: RequestInit = { method }
    if (body)
      Object.assign(init, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
    const response = await fetch(sidecar.url + path, init)
    // biome-ignore lint/suspicious/noExplicitAny: response body, which the test examines
    return { status: response.status, body: (await response.json()) as any }
  }
  const post = (turn: number, mode?: string) => {
    const [at, content] = TURNS[turn - 1] as [string, string]
    const messages = [
      { role: 'user', name: 'Ada', content, at },
      { role: 'assistant', content: 'Thank you for telling me.', at },
    ]
    return call('POST', '/v1/memories', { user_id: 'ada', conversation_id: 'c', turn, messages, mode })
  }
  const texts = async (query = '') =>
    // biome-ignore lint/suspicious/noExplicitAny: see above
    (await call('GET', `/v1/memories?user_id=ada${query}`)).body.memories.map((one: any) => one.memory).sort()
  return { model, sidecar, call, post, texts }
}

describe('a user who moved, changed jobs and stopped eating meat', () => {
  it('has the current facts, with earlier facts in history and under as_of', async () => {
    const { call, post, texts } = await start()
    for (const turn of [1, 2, 3, 4, 5]) {
      const { status, body } = await post(turn, 'sync')
      expect(body).toMatchObject({ status: 'stored', reason: null, pending: { turns: 0 } })
      expect(status).toBe(200)
    }
    expect(await texts()).toEqual(NOW)
    expect(await texts('&as_of=2026-02-01T00:00:00Z')).toEqual(THEN)

    const { body: found } = await call('POST', '/v1/memories/search', {
      user_id: 'ada',
      query: 'Where does Ada live?',
    })
    const home = found.memories[0]
    expect(home).toMatchObject({
      memory: 'Ada lives in Porto.',
      topic: 'basic_info',
      sub_topic: 'home',
      version: 2,
    })
    const { body: then } = await call('POST', '/v1/memories/search', {
      user_id: 'ada',
      query: 'Where does Ada live?',
      as_of: '2026-02-01T00:00:00Z',
    })
    expect(then.memories[0]).toMatchObject({
      memory: 'Ada lives in Leeds.',
      valid_until: '2026-03-02T10:00:00.000Z',
    })

    const { body: history } = await call('GET', `/v1/memories/${home.id}/history?user_id=ada`)
    expect(history.history).toMatchObject([
      {
        event: 'ADD',
        version: 1,
        before: null,
        after: 'Ada lives in Leeds.',
        turn: 1,
        prompt_version: 'extract-2',
      },
      { event: 'UPDATE', version: 2, before: 'Ada lives in Leeds.', after: 'Ada lives in Porto.', turn: 3 },
    ])

    const { body: ledger } = await call('GET', '/v1/ledger?user_id=ada&group_by=purpose')
    expect(ledger.totals).toMatchObject({ calls: 8, failed: 0 })
    expect(
      Object.fromEntries(
        ledger.groups.map((one: { key: { purpose: string }; calls: number }) => [one.key.purpose, one.calls]),
      ),
    ).toEqual({ extract: 5, reconcile: 3 })
  })

  it('is acknowledged at once in buffered mode, is recallable before extraction, and is extracted in one batch', async () => {
    const { model, call, post, texts } = await start()
    for (const turn of [1, 2, 3, 4, 5]) {
      const { status, body } = await post(turn)
      expect({ status, kind: body.status, waits: body.pending.turns }).toEqual({
        status: 202,
        kind: 'buffered',
        waits: turn,
      })
    }
    const { body: early } = await call('POST', '/v1/recall', {
      user_id: 'ada',
      query: 'Where does Ada live?',
    })
    expect(early.context).toContain('moved to Porto')
    expect(
      early.memories.every(
        (one: { kind: string; tier: string }) => one.kind === 'pending' && one.tier === 'short',
      ),
    ).toBe(true)
    expect(model.requests).toHaveLength(0)

    const { body: flushed } = await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(flushed).toMatchObject({ status: 'flushed', reason: null, pending: { turns: 0, tokens: 0 } })
    expect(model.requests.length).toBeLessThanOrEqual(2)
    expect(await texts()).toEqual(NOW)
    expect(await texts('&as_of=2026-02-01T00:00:00Z')).toEqual(THEN)
  })
})

describe('a model that fails', () => {
  it('leaves the turn pending with the reason, and leads to the same memories when it works again', async () => {
    const trouble: Rule[] = [
      { times: 1, status: 500 },
      { times: 1, body: '<html><h1>502 Bad Gateway</h1></html>' },
      { times: 2, answer: 'I am sorry, but I cannot help with that.' },
    ]
    const { call, post, texts } = await start([...trouble, { answer: memoryModel(TABLE) }])
    const { status, body } = await post(1, 'sync')
    expect({ status, kind: body.status, reason: body.reason }).toEqual({
      status: 202,
      kind: 'buffered',
      reason: 'server_error',
    })
    const { body: waiting } = await call('GET', '/v1/pending?user_id=ada')
    expect(waiting.turns).toMatchObject([{ turn: 1, state: 'idle', attempts: 1, error: 'server_error' }])
    expect(await texts()).toEqual([
      'I live in Leeds and I work there as a nurse.',
      'Thank you for telling me.',
    ])

    const reasons: (string | null)[] = []
    for (let i = 0; i < 3; i++)
      reasons.push((await call('POST', '/v1/flush', { user_id: 'ada' })).body.reason)
    expect(reasons).toEqual(['bad_answer', 'refused', null])
    expect(await texts()).toEqual(['Ada lives in Leeds.', 'Ada works as a nurse.'])
  })

  it('neither loses nor duplicates a turn that is posted three times', async () => {
    const { post, texts } = await start()
    for (let i = 0; i < 3; i++) for (const turn of [1, 2]) await post(turn, 'sync')
    expect(await texts()).toEqual(THEN)
  })
})
