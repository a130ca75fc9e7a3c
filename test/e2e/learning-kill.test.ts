import { describe, expect, it, onTestFinished } from 'vitest'
import { TABLE } from '../helpers/learning/buffer/model.ts'
import { isDecision, memoryModel } from '../helpers/memory-model.ts'
import { eventually } from '../helpers/redis-subject.ts'
import { type Rule, startScriptedOpenAi } from '../helpers/scripted-openai/server.ts'
import { type LocalSidecar, openSidecar } from '../helpers/sidecar.ts'
import { startSidecar } from '../helpers/sidecar-process.ts'
import { tempDir } from '../helpers/temp-dir.ts'

const SAID = [
  'I live in Leeds. I am a nurse',
  'I have a cat',
  'I moved to Porto',
  'I play the cello. I am a potter',
  'I speak Welsh',
]

const NOW = [
  'Ada has a cat.',
  'Ada lives in Porto.',
  'Ada plays the cello.',
  'Ada speaks Welsh.',
  'Ada works as a potter.',
]

/**
 * Starts a scripted model; returns functions that start sidecars on one data folder: in a process of their own, or in the
 * process of the test, which starts sooner and cannot be killed.
 */
async function start(rules: Rule[] = [{ answer: memoryModel(TABLE) }], env: Record<string, string> = {}) {
  const model = await startScriptedOpenAi({ rules, usage: 'estimate' })
  onTestFinished(() => model[Symbol.asyncDispose]())
  const settings = {
    DATA_DIR: tempDir(),
    OPENAI_BASE_URL: model.url,
    LLM_MODEL: 'scripted',
    LLM_RETRIES: '0',
    BUFFER_IDLE_MS: '3600000',
    ...env,
  }
  const sidecar = async () => {
    const { child, ended, kill, call } = await startSidecar(settings)
    const end = async () => {
      child.kill('SIGTERM')
      return await ended
    }
    return { call, post: postTo(call), kill, end }
  }
  const local = async (more: Record<string, string> = {}) => {
    const { call, close } = await openSidecar({ ...settings, ...more })
    return { call, post: postTo(call), close }
  }
  return { model, sidecar, local }
}

/** Returns a function that sends a turn of `SAID`. */
function postTo(call: LocalSidecar['call']) {
  return (turn: number) =>
    call('POST', '/v1/memories', {
      user_id: 'ada',
      conversation_id: 'c',
      turn,
      messages: [{ role: 'user', name: 'Ada', content: SAID[turn - 1], at: `2026-03-0${turn}T10:00:00Z` }],
    })
}

type Running = Pick<LocalSidecar, 'call'>

/** Reads all memories with their histories, and the pending turns. */
async function stateOf({ call }: Running) {
  const { body } = await call('GET', '/v1/memories?user_id=ada')
  const memories: string[] = []
  for (const { id, memory, version, kind } of body.memories) {
    const { body: past } = await call('GET', `/v1/memories/${id}/history?user_id=ada`)
    const rows = past.history.map((row: { event: string; after: string }) => `${row.event} ${row.after}`)
    memories.push(`${kind} ${memory} v${version}: ${rows.join(', ')}`)
  }
  return { memories: memories.sort(), pending: (await call('GET', '/v1/pending?user_id=ada')).body.turns }
}

async function flushUntilDone({ call }: Running) {
  const { body } = await call('POST', '/v1/flush', { user_id: 'ada' })
  expect(body).toMatchObject({ reason: null, pending: { turns: 0 } })
}

describe('kill -9', () => {
  it('right after each acknowledgement loses no turn and duplicates no fact', async () => {
    const { sidecar, local } = await start()
    for (const turns of [
      [1, 2],
      [3, 4, 5],
    ]) {
      const running = await sidecar()
      for (const turn of turns) expect((await running.post(turn)).status).toBe(202)
      await running.kill()
    }
    const running = await local()
    await flushUntilDone(running)
    const { memories, pending } = await stateOf(running)
    expect(pending).toEqual([])
    expect(memories.map((line) => /^extracted (.*) v\d+:/.exec(line)?.[1])).toEqual(NOW)
    expect(memories.flatMap((line) => line.match(/ADD/g))).toHaveLength(NOW.length)
  })

  it('right after an acknowledgement leaves the turns recallable, even by a sidecar without a model', async () => {
    const { sidecar, local } = await start()
    const running = await sidecar()
    const answers = [running.post(1), running.post(2), running.post(3)]
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([202, 202, 202])
    await running.kill()
    const next = await local({ LLM_MODEL: '' })
    const { body } = await next.call('POST', '/v1/recall', { user_id: 'ada', query: 'Where does Ada live?' })
    for (const said of SAID.slice(0, 3)) expect(body.context).toContain(said)
  })

  it('after a user is forgotten restores none of the user’s turns', async () => {
    const { sidecar, local } = await start()
    const running = await sidecar()
    for (const turn of [1, 2]) await running.post(turn)
    expect((await running.call('DELETE', '/v1/memories?user_id=ada')).status).toBe(200)
    await running.post(3)
    await running.kill()
    const next = await local()
    const { body } = await next.call('GET', '/v1/memories?user_id=ada')
    expect(body.memories.map(({ memory }: { memory: string }) => memory)).toEqual([SAID[2]])
  })

  it('during extraction and during reconciliation leads to the same memories as no kill', async () => {
    const undisturbed = await start()
    const calm = await undisturbed.local()
    for (const turn of [1, 2]) await calm.post(turn)
    await flushUntilDone(calm)
    for (const turn of [3, 4, 5]) await calm.post(turn)
    await flushUntilDone(calm)
    const expected = await stateOf(calm)

    const { model, sidecar, local } = await start()
    const killWhileThinking = async (running: Awaited<ReturnType<typeof sidecar>>, when: Rule['when']) => {
      const answers: Rule = { answer: memoryModel(TABLE) }
      model.rules.replace({ ...(when ? { when } : {}), hang: true, times: 1 }, answers)
      const asked = model.requests.length
      const flushing = running.call('POST', '/v1/flush', { user_id: 'ada' }).catch(() => 'broken')
      await model.received(asked + 1)
      if (when) await model.received(asked + 2)
      await running.kill()
      expect(await flushing).toBe('broken')
      model.rules.replace(answers)
    }
    const first = await sidecar()
    for (const turn of [1, 2]) await first.post(turn)
    await killWhileThinking(first, undefined)
    const second = await sidecar()
    await flushUntilDone(second)
    for (const turn of [3, 4, 5]) await second.post(turn)
    await killWhileThinking(second, isDecision)
    const last = await local()
    await flushUntilDone(last)
    expect(await stateOf(last)).toEqual(expected)
    expect(expected.memories).toHaveLength(NOW.length)
  })

  it('during a flush of many batches keeps the stored facts, and the next start processes the rest', async () => {
    const facts = Array.from({ length: 8 }, (_, i) => [
      `number ${i} is`,
      [{ text: `Number ${i} is known.`, topic: 'other' }],
    ])
    const { model, sidecar, local } = await start([{ answer: memoryModel(Object.fromEntries(facts)) }])
    const running = await sidecar()
    for (let i = 0; i < 8; i++) {
      const messages = [{ role: 'user', name: 'Ada', content: `So number ${i} is what it is.` }]
      await running.call('POST', '/v1/memories', {
        user_id: 'ada',
        conversation_id: `c${i}`,
        turn: 1,
        messages,
      })
    }
    void running.call('POST', '/v1/flush', { user_id: 'ada', wait: false })
    await model.received(4)
    await running.kill()
    const asked = model.requests.length
    const next = await local()
    // The start schedules the remaining turns without a request.
    await eventually(
      () => next.call('GET', '/v1/pending?user_id=ada'),
      ({ body }) => body.turns.length === 0,
      40_000,
    )
    const { memories } = await stateOf(next)
    expect(memories).toEqual(
      facts.map((_, i) => `extracted Number ${i} is known. v1: ADD Number ${i} is known.`),
    )
    expect(model.requests.length).toBeGreaterThan(asked)
  })
})

describe('SIGTERM', () => {
  it('waits for a model call in progress and stores its facts', async () => {
    const { model, sidecar, local } = await start()
    const running = await sidecar()
    for (const turn of [1, 2]) await running.post(turn)
    model.rules.replace({ latencyMs: 500, answer: memoryModel(TABLE) })
    await running.call('POST', '/v1/flush', { user_id: 'ada', wait: false })
    await model.received(1)
    expect(await running.end()).toEqual({ code: 0, signal: null })
    const asked = model.requests.length
    const next = await local()
    const { memories, pending } = await stateOf(next)
    expect(pending).toEqual([])
    expect(memories).toHaveLength(3)
    expect(model.requests).toHaveLength(asked)
  })

  it('answers a waiting flush request with reason "closing", exits and keeps the turns pending if the model does not answer', async () => {
    const { model, sidecar, local } = await start()
    const running = await sidecar()
    for (const turn of [1, 2]) await running.post(turn)
    model.rules.replace({ hang: true, times: 1 }, { answer: memoryModel(TABLE) })
    const flushing = running.call('POST', '/v1/flush', { user_id: 'ada', wait: true })
    await model.received(1)
    const ended = running.end()
    expect((await flushing).body).toMatchObject({ reason: 'closing', pending: { turns: 2 } })
    expect(await ended).toEqual({ code: 0, signal: null })
    const next = await local()
    expect((await next.call('GET', '/v1/pending?user_id=ada')).body.turns).toMatchObject([
      { turn: 1, attempts: 0 },
      { turn: 2, attempts: 0 },
    ])
    await flushUntilDone(next)
    const { memories, pending } = await stateOf(next)
    expect(pending).toEqual([])
    expect(memories).toHaveLength(3)
  })
})

describe('a flush of thirty turns', () => {
  it('makes at most two model calls, and the ledger counts their tokens', async () => {
    const { model, local } = await start([{ answer: memoryModel(TABLE) }], { BUFFER_TOKENS: '16000' })
    const { call } = await local()
    for (let turn = 1; turn <= 30; turn++) {
      const messages = [{ role: 'user', name: 'Ada', content: SAID[turn % SAID.length] }]
      await call('POST', '/v1/memories', { user_id: 'ada', conversation_id: 'c', turn, messages })
    }
    expect(model.requests).toHaveLength(0)
    const { body } = await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(body).toMatchObject({ reason: null, pending: { turns: 0 } })
    expect(model.requests.length).toBeLessThanOrEqual(2)
    const { body: ledger } = await call('GET', '/v1/ledger?user_id=ada')
    const prompt = (request: { body: { tools?: unknown; messages: unknown } }) =>
      Math.ceil(JSON.stringify([request.body.tools ?? null, request.body.messages]).length / 4)
    expect(ledger.totals).toMatchObject({
      calls: model.requests.length,
      tokens_in: model.requests.reduce((sum, request) => sum + prompt(request), 0),
    })
  })
})

describe('an error of the model endpoint', () => {
  it('with 429 and Retry-After delays the next attempt until then', async () => {
    const { local } = await start([
      { times: 1, status: 429, headers: { 'retry-after': '3600' } },
      { answer: memoryModel(TABLE) },
    ])
    const { call, post } = await local()
    await post(1)
    const before = Date.now()
    const { body: flushed } = await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(flushed).toMatchObject({ reason: 'rate_limited', pending: { turns: 1 } })
    const { body } = await call('GET', '/v1/pending?user_id=ada')
    expect(body.turns).toMatchObject([{ state: 'idle', attempts: 1, error: 'rate_limited' }])
    expect(Date.parse(body.turns[0].next_attempt_at)).toBeGreaterThanOrEqual(before + 3_600_000)
    await flushUntilDone({ call })
  })

  it('with 400 for one turn leaves the facts of the other turns stored', async () => {
    const { local } = await start([
      {
        when: /cat/,
        status: 400,
        body: { error: { message: 'Bad Request', type: 'invalid_request_error' } },
      },
      { answer: memoryModel(TABLE) },
    ])
    const { call, post } = await local()
    for (const turn of [1, 2, 5]) await post(turn)
    const { body } = await call('POST', '/v1/flush', { user_id: 'ada' })
    expect(body).toMatchObject({ reason: 'request_refused', pending: { turns: 1 } })
    const { body: left } = await call('GET', '/v1/pending?user_id=ada')
    expect(left.turns).toMatchObject([{ turn: 2, error: 'request_refused' }])
  })
})
